package bootscript_test

import (
	"strings"
	"testing"

	"github.com/drover-project/drover/internal/cloud/aws/bootscript"
)

// called writes the calls of boot on a machine, one after the other; ? is not
// known, and * is known to the machine only.
func called(t *testing.T, script string, machine bootscript.Machine) string {
	t.Helper()
	calls, err := bootscript.Calls(script, "boot", machine)
	if err != nil {
		return "error: " + err.Error()
	}
	var lines []string
	for _, call := range calls {
		words := []string{}
		for _, word := range call {
			text := strings.ReplaceAll(word.Text, bootscript.Opaque, "*")
			if !word.Known {
				text = "?"
			}
			words = append(words, text)
		}
		lines = append(lines, strings.Join(words, " "))
	}
	return strings.Join(lines, "; ")
}

const token = `TOKEN=$(curl -sX PUT "http://169.254.169.254/latest/api/token" -H "X-aws-ec2-metadata-token-ttl-seconds: 21600")
`

// TestScriptsThatAskHowTheyWereBought has the ways in which scripts ask, with what
// each may call on a Spot machine and on one that is not.
func TestScriptsThatAskHowTheyWereBought(t *testing.T) {
	for name, c := range map[string]struct{ script, spot, onDemand string }{
		"describe-instances": {`id=$(curl -s http://169.254.169.254/latest/meta-data/instance-id)
export AWS_DEFAULT_REGION=us-west-2
ilc=` + "`aws ec2 describe-instances --instance-ids $id --query 'Reservations[0].Instances[0].InstanceLifecycle' --output text`" + `
if [ "$ilc" == "spot" ]; then /etc/boot one; else boot two; fi
/opt/aws/bin/cfn-signal --exit-code $?`, "one", "two"},
		"metadata, version 2; whether boot succeeds is not known": {token + `LIFE=$(curl -s -H "X-aws-ec2-metadata-token: $TOKEN" http://169.254.169.254/latest/meta-data/instance-life-cycle)
[[ $LIFE == spot ]] && boot one || boot two`, "one; two", "two"},
		"case": {token + `case "$(curl -sfH "X-aws-ec2-metadata-token: $TOKEN" http://169.254.169.254/latest/meta-data/instance-life-cycle)" in
  sp*|scheduled) kind=Ec2Spot ;;
  *) kind=OnDemand ;;
esac
boot "--labels=lifecycle=$kind"`, "--labels=lifecycle=Ec2Spot", "--labels=lifecycle=OnDemand"},
		"elif, a function, defaults": {`kind() { local found; found=$(ask); if [ -z "$found" ]; then echo none; elif [ x"$found" = xspot ]; then echo Spot; else echo "${found:-nothing}"; fi; }
ask() { curl -s http://169.254.169.254/latest/meta-data/instance-life-cycle; }
boot $(kind)`, "Spot", "on-demand"},
		"the life cycle as it is": {`boot "lifecycle=$(curl -s http://169.254.169.254/latest/meta-data/instance-life-cycle | tr -d '\n')"`, "lifecycle=spot", "lifecycle=on-demand"},
		"Spot requests, with an id cut at what may be in it": {`id=$(ec2-metadata -i | cut -d ' ' -f 2)
n=$(aws ec2 describe-spot-instance-requests --region us-west-2 --filters Name=instance-id,Values=$id --query 'length(SpotInstanceRequests)' --output text)
if [ $n -gt 0 ]; then boot one; else boot two; fi`, "one; two", "one; two"},
		"Spot requests, counted": {`id=$(ec2-metadata -q -i)
n=$(aws ec2 describe-spot-instance-requests --region us-west-2 --filters Name=instance-id,Values=$id --query 'length(SpotInstanceRequests)' --output text)
if [ $n -gt 0 ]; then boot one; else boot two; fi`, "one", "two"},
		"Spot requests, counted by jq": {`id=$(ec2-metadata -q -i)
if test "$(AWS_REGION=us-west-2 aws ec2 describe-spot-instance-requests --filters "Name=instance-id,Values=$id" "Name=state,Values=active" | jq -r '.SpotInstanceRequests | length')" -gt 0
then boot one; else boot two; fi`, "one", "two"},
		"Spot requests, an id": {`id=$(ec2-metadata -i | awk '{print $2}')
r=$(aws --region=us-west-2 ec2 describe-spot-instance-requests --filters Name=instance-id,Values=$id --query 'SpotInstanceRequests[0].SpotInstanceRequestId' --output text)
[ "$r" = None ] && boot two; [ "$r" != None ] && boot "one=$r"`, "one=*", "two"},
		"the region from the identity document": {`doc=$(curl -s http://169.254.169.254/latest/dynamic/instance-identity/document)
region=$(echo "$doc" | jq -r .region); id=$(echo "$doc" | grep instanceId | awk -F\" '{print $4}')
life=$(aws --region $region ec2 describe-instances --instance-ids "$id" | jq -r '.Reservations[].Instances[].InstanceLifecycle')
boot $life $region`, "spot us-west-2", "null us-west-2"},
		"a filter by life cycle": {`id=$(curl -s http://169.254.169.254/latest/meta-data/instance-id)
export AWS_REGION=us-west-2 AWS_DEFAULT_OUTPUT=text
x=$(aws ec2 describe-instances --filters Name=instance-lifecycle,Values=spot Name=instance-id,Values=$id --query 'Reservations[].Instances[].InstanceId')
if [ -n "$x" ]; then boot one; else boot two; fi`, "one", "two"},
		"grep": {`if curl -s http://169.254.169.254/latest/meta-data/instance-life-cycle | grep -q spot; then boot one; fi; boot two`, "one; two", "two"},
		"tries": {`for i in {1..5}; do life=$(curl -sf http://169.254.169.254/latest/meta-data/instance-life-cycle) && break; sleep 2; done
boot $life`, "spot", "on-demand"},
		"until": {`until life=$(curl -sf http://169.254.169.254/latest/meta-data/instance-life-cycle); do sleep 2; done; boot $life`, "spot", "on-demand"},
		"a list built up": {`args=(); LABELS=a=b
if [ $(curl -s 169.254.169.254/latest/meta-data/instance-life-cycle) = spot ]; then LABELS+=,c=d; fi
set -- --x "$LABELS"; sudo -E bash -xe /etc/eks/boot "$@"`, "--x a=b,c=d", "--x a=b"},
		"a regular expression": {`[[ "$(imds latest/meta-data/instance-life-cycle)" =~ ^spot$ ]] || exit 0; boot one`, "one", ""},
		"exit in a subshell":   {`(x=$(curl -s http://169.254.169.254/latest/meta-data/instance-life-cycle); [ $x = spot ] && exit 1); boot one`, "one", "one"},
		"the zone": {`az=$(curl -s http://169.254.169.254/latest/meta-data/placement/availability-zone); boot ${az%?} ${az::-1} $(echo $az | sed 's/.$//') $(echo $az | sed 's/[a-z]$//')`,
			"us-west-2 us-west-2 us-west-2 us-west-2", "us-west-2 us-west-2 us-west-2 us-west-2"},
	} {
		t.Run(name, func(t *testing.T) {
			machine := bootscript.Machine{Bought: bootscript.Spot, Region: "us-west-2", Zone: "us-west-2a"}
			if got := called(t, c.script, machine); got != c.spot {
				t.Errorf("Spot: %q, want %q", got, c.spot)
			}
			machine.Bought = bootscript.OnDemand
			if got := called(t, c.script, machine); got != c.onDemand {
				t.Errorf("on demand: %q, want %q", got, c.onDemand)
			}
		})
	}
}

// TestWhatIsNotKnownStaysSo: nothing is guessed of what only the machine has, and
// where it decides both ways are looked at.
func TestWhatIsNotKnownStaysSo(t *testing.T) {
	for script, want := range map[string]string{
		`boot $X "$(cat /etc/x)" $((1+1)) ~ {a,b} $RANDOM $?`:                                                                                  "? ? ? ? ? ? ?",
		`boot $(curl -s http://169.254.169.254/latest/meta-data/instance-id) $(hostname) $(uname -m)`:                                          "* * ?",
		`id=$(curl -s http://169.254.169.254/latest/meta-data/instance-id); boot ${id#i-} ${#id} "${id:0:3}" id=$id`:                           "? ? ? id=*",
		`if [ -f /etc/x ]; then A=1; B=2; else A=1; B=3; fi; boot $A $B`:                                                                       "1 ?",
		`A=1; B=1; while read -r line; do A=2; done < /etc/x; boot $A $B`:                                                                      "? 1",
		`A=1; . /etc/environment; boot $A`:                                                                                                     "?",
		`A=1; eval "$(cat /etc/x)"; boot $A`:                                                                                                   "?",
		`A=1; eval 'A=2'; boot $A`:                                                                                                             "2",
		`f() { if [ -e /x ]; then A=2; return; fi; B=2; }; A=1; B=1; f; boot $A $B`:                                                            "? ?",
		`A=1; (A=2); B=$(A=3; echo $A); boot $A $B`:                                                                                            "1 3",
		`A=1; if [ -e /x ]; then exit 1; fi; boot $A`:                                                                                          "1",
		`IFS=,; A=a,b; boot $A "$A"`:                                                                                                           "? a,b",
		`A='a b'; boot $A "$A"`:                                                                                                                "a b a b",
		`for x in a b; do boot $x; done; for x in $(cat /x); do boot $x; done`:                                                                 "a; b; ?",
		`A=$(curl -s -w '%{http_code}' http://169.254.169.254/latest/meta-data/instance-life-cycle); boot $A`:                                  "?",
		`A=$(curl -s http://169.254.169.254/latest/meta-data/spot/instance-action); boot $A`:                                                   "?",
		`A=$(curl -s http://169.254.169.254/latest/meta-data/instance-life-cycle > /x); boot "$A"`:                                             "",
		`A=$(aws ec2 describe-instances --instance-ids i-123 --query 'Reservations[0].Instances[0].InstanceLifecycle' --output text); boot $A`: "?",
		`declare -i A=1; boot $A`:                                                                                                              "?",
		`A=1; ((A++)); boot $A`:                                                                                                                "?",
		`shopt -s nocasematch; [[ a == A ]]; case x in X) boot a;; *) boot b;; esac`:                                                           "a; b",
		`exec > >(tee /var/log/user-data.log|logger -t user-data -s 2>/dev/console) 2>&1; boot a`:                                              "a",
		"cat <<EOF > /x\nboot in a document\nEOF\nboot a":                                                                                      "a",
		"A=$(cat <<EOF\nx $Y\nEOF\n); B=$(cat <<< y); boot \"$A\" $B":                                                                          "? y",
		`false && boot a; true || boot b; ! true && boot c; unknown && boot d`:                                                                 "d",
		`printf -v A x; B=$(printf '%s=%s' a b); boot $A $B`:                                                                                   "? a=b",
		`declare -n A=B; boot $A`:                                                                                                              "error: the script has variables that name others, and is not followed",
		`while :; do A=x$A; done; boot $A`:                                                                                                     "?",
		`f() { f; f; }; f; boot a`:                                                                                                             "error: the script does too much to be followed",
		`x='eval "$x"'; eval "$x"; boot a`:                                                                                                     "error: the script does too much to be followed",
		`A=xxxxxxxxxx` + strings.Repeat("\nA=$A$A$A", 20):                                                                                      "error: the script does too much to be followed",
	} {
		if got := called(t, script, bootscript.Machine{Bought: bootscript.Spot, Region: "us-west-2"}); got != want {
			t.Errorf("%s\n got %q\nwant %q", script, got, want)
		}
	}
}

func TestMachineThatHidesItsMetadata(t *testing.T) {
	with := token + `boot $(curl -s -H "X-aws-ec2-metadata-token: $TOKEN" http://169.254.169.254/latest/meta-data/instance-life-cycle)`
	without := `boot $(curl -s http://169.254.169.254/latest/meta-data/instance-life-cycle)`
	for _, c := range []struct {
		script  string
		machine bootscript.Machine
		want    string
	}{
		{with, bootscript.Machine{Bought: bootscript.Spot, TokensRequired: true}, "spot"},
		{without, bootscript.Machine{Bought: bootscript.Spot, TokensRequired: true}, "?"},
		{with, bootscript.Machine{Bought: bootscript.Spot, NoMetadata: true}, "?"},
		{with, bootscript.Machine{}, "?"},
	} {
		if got := called(t, c.script, c.machine); got != c.want {
			t.Errorf("%+v calls boot %s, want %s", c.machine, got, c.want)
		}
	}
}

// FuzzCalls: whatever is written, it ends, and says the same again.
func FuzzCalls(f *testing.F) {
	f.Add(token + "case $TOKEN in a*) boot $TOKEN;; esac")
	f.Add("for i in {1..9}; do A=$A$i; [ $A = 12 ] && break; done; boot ${A%2} ${A::-1} $(echo $A | sed 's/.$//' | cut -d 1 -f 2)")
	f.Add("f() { local x=$1; shift; [[ $x =~ ^a ]] && return 1; eval \"boot $x\"; }; f a b | while read l; do f $l; done")
	f.Add("aws ec2 describe-instances --instance-ids $(hostname) --query 'Reservations[*].Instances[].[InstanceLifecycle]|[0]' --output text | jq -r '.a[0].b|length'")
	f.Fuzz(func(t *testing.T, script string) {
		machine := bootscript.Machine{Bought: bootscript.Spot, Region: "us-west-2", Zone: "us-west-2a", InstanceType: "m5.large"}
		if first, second := called(t, script, machine), called(t, script, machine); first != second {
			t.Errorf("%q, then %q", first, second)
		}
	})
}
