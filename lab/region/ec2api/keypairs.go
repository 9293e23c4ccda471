package ec2api

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/awswire"
	"github.com/drover-project/drover/lab/region/keypair"
	"github.com/drover-project/drover/lab/region/store"
	"github.com/drover-project/drover/lab/region/world"
)

// CreateKeyPair makes a key pair and gives its private half, which nothing keeps.
func (e *EC2) CreateKeyPair(_ context.Context, in *ec2.CreateKeyPairInput) (*ec2.CreateKeyPairOutput, error) {
	if err := awswire.Supported(in, "KeyName", "DryRun", "KeyFormat", "KeyType", "TagSpecifications"); err != nil {
		return nil, err
	}
	if in.KeyFormat != "" && in.KeyFormat != types.KeyFormatPem {
		return nil, unsupported("KeyFormat " + string(in.KeyFormat) + ": use pem")
	}
	made, err := keypair.New(first(string(in.KeyType), keypair.RSA))
	if err != nil {
		return nil, err
	}
	out := &ec2.CreateKeyPairOutput{KeyName: in.KeyName, KeyMaterial: aws.String(made.Private), KeyFingerprint: aws.String(made.Fingerprint)}
	id, err := e.addKey(aws.ToString(in.KeyName), made, creation{dry: in.DryRun, specs: in.TagSpecifications}, func(tags []types.Tag) { out.Tags = tags })
	if err != nil {
		return nil, err
	}
	out.KeyPairId = aws.String(id)
	return out, nil
}

// ImportKeyPair makes a key pair of a public key.
func (e *EC2) ImportKeyPair(_ context.Context, in *ec2.ImportKeyPairInput) (*ec2.ImportKeyPairOutput, error) {
	read, err := keypair.Read(in.PublicKeyMaterial)
	if err != nil {
		return nil, awserr.New("InvalidKey.Format", "Key is not in valid OpenSSH public key format: %v", err)
	}
	out := &ec2.ImportKeyPairOutput{KeyName: in.KeyName, KeyFingerprint: aws.String(read.Fingerprint)}
	id, err := e.addKey(aws.ToString(in.KeyName), read, creation{dry: in.DryRun, specs: in.TagSpecifications}, func(tags []types.Tag) { out.Tags = tags })
	if err != nil {
		return nil, err
	}
	out.KeyPairId = aws.String(id)
	return out, nil
}

func (e *EC2) addKey(name string, pair keypair.Pair, c creation, tagged func([]types.Tag)) (id string, err error) {
	if name == "" || len(name) > 255 {
		return "", invalid("Value (%s) for parameter keyName is invalid. It must have 1 to 255 characters.", name)
	}
	c.resource = types.ResourceTypeKeyPair
	return e.create("CreateKeyPair", c, func(tx *store.Tx) (string, error) {
		if _, exists := e.world.KeyPairs.Get(name); exists {
			return "", awserr.New("InvalidKeyPair.Duplicate", "The keypair already exists")
		}
		id, err := e.world.NewID(tx, "key-")
		if err != nil {
			return "", err
		}
		return id, e.world.KeyPairs.Put(tx, name, world.KeyPair{
			ID: id, Name: name, Kind: pair.Kind, Fingerprint: pair.Fingerprint, PublicKey: pair.Public, Created: e.world.Clock.Now(),
		})
	}, func(id string) { tagged(e.tagsOf(id)) })
}

// DeleteKeyPair deletes a key pair, by its name or id; one that there is not
// is no error.
func (e *EC2) DeleteKeyPair(_ context.Context, in *ec2.DeleteKeyPairInput) (*ec2.DeleteKeyPairOutput, error) {
	if in.KeyName == nil && in.KeyPairId == nil {
		return nil, missing("keyName")
	}
	out := &ec2.DeleteKeyPairOutput{Return: aws.Bool(true)}
	err := e.modify(in.DryRun, func(tx *store.Tx) error {
		for _, k := range e.world.KeyPairs.All() {
			if k.Name != aws.ToString(in.KeyName) && k.ID != aws.ToString(in.KeyPairId) {
				continue
			}
			out.KeyPairId = aws.String(k.ID)
			e.world.KeyPairs.Delete(tx, k.Name)
			return e.forget(tx, k.ID)
		}
		if in.KeyPairId != nil {
			return awserr.New("InvalidKeyPair.NotFound", "The key pair '%s' does not exist", *in.KeyPairId)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// DescribeKeyPairs describes key pairs, with their public halves when asked to.
func (e *EC2) DescribeKeyPairs(_ context.Context, in *ec2.DescribeKeyPairsInput) (*ec2.DescribeKeyPairsOutput, error) {
	if err := dryRun(in.DryRun); err != nil {
		return nil, err
	}
	f := fields[world.KeyPair]{}
	f.one("key-pair-id", func(k world.KeyPair) string { return k.ID })
	f.one("key-name", func(k world.KeyPair) string { return k.Name })
	f.one("fingerprint", func(k world.KeyPair) string { return k.Fingerprint })
	l := listing[world.KeyPair]{
		rows: e.world.KeyPairs.All, ids: in.KeyNames, idOf: func(k world.KeyPair) string { return k.Name },
		code: "InvalidKeyPair.NotFound", text: "The key pair '%s' does not exist",
		set: f.set(e, func(k world.KeyPair) string { return k.ID }), filters: in.Filters,
	}
	if len(in.KeyPairIds) > 0 {
		l.ids, l.idOf = in.KeyPairIds, func(k world.KeyPair) string { return k.ID }
	}
	part, _, err := list(e, l, func(k world.KeyPair) types.KeyPairInfo {
		info := types.KeyPairInfo{
			KeyPairId: aws.String(k.ID), KeyName: aws.String(k.Name), KeyType: types.KeyType(k.Kind), KeyFingerprint: aws.String(k.Fingerprint),
			CreateTime: aws.Time(k.Created), Tags: e.tagsOf(k.ID),
		}
		if aws.ToBool(in.IncludePublicKey) {
			info.PublicKey = aws.String(strings.TrimSpace(k.PublicKey) + " " + k.Name)
		}
		return info
	})
	return &ec2.DescribeKeyPairsOutput{KeyPairs: part}, err
}
