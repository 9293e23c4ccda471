"""Drives the lab with the aws CLI: drive.py CLAIMS SESSION...

Each session is a file of commands, one a line, that run one after the other;
sessions run side by side. What runs is the CLI's own main() with the words that
a shell would give it, in a child of a process that has read the CLI's models
already: a start of `aws` costs half a second, and there are hundreds.

    NAME = command      $NAME is what it prints, without quotes, from here on
    command -> words    it prints these words
    ~ command -> words  it does so within a while
    ! command -> words  it is refused; the complaint and the HTTP status have them
    $ command           for the shell

Every answer is held against the CLI's model of the service, and every operation
of CLAIMS, the page that lists them, must have been driven.
"""

import functools
import gc
import json
import os
import re
import shlex
import string
import subprocess
import sys
import tempfile
import time
import types

import awscli.clidriver
import botocore
import botocore.exceptions
import botocore.loaders
import botocore.waiter

import model

SERVICES = ("autoscaling", "cloudformation", "ec2", "eks", "events", "iam", "pricing", "sqs", "ssm", "sts")
# What the lab always refuses, as its reference says.
REFUSED = {"eks:CreateCluster", "eks:DeleteCluster", "eks:UpdateClusterVersion"}
# Waiters look every 15 or 30 seconds, in a region where that is long.
HURRY = 40
PATIENCE = 60


def prepare():
    """Gives a CLI that has read what all of its commands will read."""
    read = botocore.loaders.JSONFileLoader.load_file
    botocore.loaders.JSONFileLoader.load_file = lambda _, path: cached(path)
    cached = functools.lru_cache(None)(lambda path: read(botocore.loaders.JSONFileLoader(), path))
    botocore.waiter.time = types.SimpleNamespace(sleep=lambda seconds: time.sleep(seconds / HURRY))
    cli = awscli.clidriver.create_clidriver()
    commands, loader = cli._get_command_table(), cli.session.get_component("data_loader")
    for name in SERVICES:
        commands[name]._get_command_table()
        cli.session.create_client(name)
        for kind in "paginators-1", "waiters-2":
            try:
                loader.load_service_model(name, kind)
            except botocore.exceptions.DataNotFoundError:
                pass  # not every service has all of these
    gc.collect()
    gc.freeze()
    return cli


class Run:
    """What a command did: its exit code, what it printed, and the calls it made."""

    def __init__(self, cli, words):
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, tempfile.TemporaryFile() as noted:
            child = os.fork()
            if child == 0:
                self.become(cli, words, (out, err, noted))
            self.code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            for f in out, err, noted:
                f.seek(0)
            self.out, self.err = out.read().decode().strip(), err.read().decode().strip()
            self.calls, self.doubts = json.loads(noted.read() or b"[[], []]")

    @staticmethod
    def become(cli, words, files):
        gc.disable()  # a child is short; collecting would copy pages
        code, calls, doubts = 1, [], []

        def note(operation_model, response_dict, **_):
            name = operation_model.service_model.signing_name + ":" + operation_model.name
            calls.append([name, response_dict["status_code"]])
            doubts.extend(model.doubts(name, operation_model, response_dict))

        try:
            os.dup2(files[0].fileno(), 1)
            os.dup2(files[1].fileno(), 2)
            cli.session.register("before-parse", note)
            try:
                code = cli.main(words) or 0
            except SystemExit as end:
                code = end.code
            sys.stdout.flush()
            sys.stderr.flush()
            files[2].write(json.dumps([calls, doubts]).encode())
            files[2].flush()
        finally:
            os._exit(code)


class Session:
    """The commands of a file, and what came of them."""

    def __init__(self, cli, path):
        self.cli, self.path = cli, path
        self.variables = dict(os.environ)
        self.done, self.doubts, self.failures = set(), set(), []

    def run(self):
        with open(self.path) as lines:
            for number, line in enumerate(lines, 1):
                line = line.strip()
                if line and not line.startswith("#"):
                    self.step(number, line)
        return {"done": sorted(self.done), "doubts": sorted(self.doubts), "failures": self.failures}

    def expand(self, text):
        return string.Template(text).safe_substitute(self.variables)

    def step(self, number, line):
        command, _, want = line.partition(" -> ")
        into = re.match(r"([A-Z0-9]+) = ", command)
        if into:
            command = command[into.end():]
        kind = command[0] if command[:2] in ("! ", "~ ", "$ ") else ""
        words = [self.expand(word) for word in shlex.split(command[2:] if kind else command)]
        until = time.monotonic() + (PATIENCE if kind == "~" else 0)
        while True:
            got, complaint = self.once(kind, words, self.expand(want).split())
            if not complaint or time.monotonic() > until:
                break
            time.sleep(0.1)
        if complaint:
            self.failures.append(f"{os.path.basename(self.path)}:{number}: {line}\n{complaint}")
        if into:
            self.variables[into.group(1)] = got.strip('"')

    def once(self, kind, words, want):
        """Runs a command; gives what it printed, and what is wrong with that."""
        if kind == "$":
            done = subprocess.run(words, capture_output=True, text=True)
            return done.stdout.strip(), done.stderr if done.returncode else ""
        if words[0] == "sqs":
            # The CLI holds the address of a queue for an endpoint of its own.
            words = words + ["--endpoint-url", os.environ["AWS_ENDPOINT_URL"]]
        run = Run(self.cli, words)
        self.doubts.update(run.doubts)
        self.done.update(name for name, status in run.calls if status < 300 or name in REFUSED)
        return run.out, wrong(run, kind == "!", want)


def wrong(run, refused, want):
    if refused:
        said = run.err + " " + " ".join(str(status) for _, status in run.calls)
        if run.code == 0:
            return f"was not refused, but printed:\n{run.out}"
        return "" if all(word in said for word in want) else f"was refused otherwise: {said}"
    if run.code != 0:
        return f"failed: {run.err}"
    return "" if not want or run.out.split() == want else f"printed:\n{run.out}"


def claims(path):
    """The operations of the page that lists them."""
    service, found = "", set()
    with open(path) as lines:
        for line in lines:
            if heading := re.match(r"## (.*?)(?: \((\w+)\))?$", line):
                service = heading.group(2)
            elif (row := re.match(r"\| ([A-Z]\w+) \|", line)) and service:
                found.add(f"{service}:{row.group(1)}")
    return found


def side_by_side(cli, paths):
    """Runs every session in a process of its own; gives what came of each."""
    results = []
    for path in paths:
        result = tempfile.TemporaryFile()
        if os.fork() == 0:
            try:
                result.write(json.dumps(Session(cli, path).run()).encode())
                result.flush()
            finally:
                os._exit(0)
        results.append(result)
    for _ in results:
        os.wait()
    for result in results:
        result.seek(0)
        yield json.loads(result.read() or b'{"done": [], "doubts": [], "failures": ["a session broke off"]}')


def main():
    claimed = claims(sys.argv[1])
    done, complaints = set(), []
    for result in side_by_side(prepare(), sys.argv[2:]):
        done.update(result["done"])
        complaints += result["failures"] + result["doubts"]
    complaints += [f"{name} is claimed and was not driven" for name in sorted(claimed - done)]
    complaints += [f"{name} is answered and not claimed" for name in sorted(done - claimed)]
    print("\n".join(complaints + [f"{len(done & claimed)} of {len(claimed)} operations driven"]))
    sys.exit(1 if complaints or not claimed else 0)


main()
