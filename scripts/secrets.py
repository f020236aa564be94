"""The configuration document of the cloud (contract section 5), kept in one SSM SecureString.

  scripts/secrets.sh write FILE       the first time: the document, a stream secret and a tool token
  scripts/secrets.sh write --replace FILE
                                      later: what FILE leaves out of its secrets is kept
  scripts/secrets.sh token NAME       one more tool token; prints it, this once
  scripts/secrets.sh revoke NAME      takes a tool token away
  scripts/secrets.sh stream-secret    a new one; calls that are being dialled at this moment lose their stream
  scripts/secrets.sh show             what is set, without any secret, and the document's hash

Options: --name NAME of the parameter (default $CALLAGENT_PARAMETER, else /callagent/config), --key a KMS key's ARN.

It runs in the sam tool's environment for its botocore, so region, credentials and AWS_ENDPOINT_URL mean what they mean
to aws. No secret goes through an argument or a file of ours. A token is stored as its SHA-256 and shown once.
What the functions would refuse is not stored: they are asked first (internal/app/cloud/examine), by the go command.
"""

import argparse
import hashlib
import json
import os
import secrets
import stat
import subprocess
import sys

import botocore.exceptions
import botocore.session

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SECRETS = ["stream.secret", "twilio.authToken", "openai.apiKey", "calendar.token", "notify.hooksToken", "tools.tokens"]
SCOPES = ["call", "status", "cancel"]


class Fault(Exception):
    """What is wrong, and how to mend it."""


def get(document, path):
    for name in path.split("."):
        document = document.get(name) if isinstance(document, dict) else None
    return document


def put(document, path, value):
    *groups, last = path.split(".")
    for name in groups:
        document = document.setdefault(name, {})
    document[last] = value


def once(pairs):
    """Objects as dicts, but a key that stands twice is a fault: which one was meant?"""
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [k for k, _ in pairs]
        twice = sorted({k for k in names if names.count(k) > 1})
        raise Fault(f"these keys stand twice: {', '.join(twice)}; leave one of each")
    return found


def placeholders(value, path=""):
    """Paths of what was copied from the example and never filled in."""
    if isinstance(value, dict):
        return [p for k, v in value.items() for p in placeholders(v, f"{path}.{k}" if path else k)]
    if isinstance(value, list):
        return [p for v in value for p in placeholders(v, path)]
    sample = isinstance(value, str) and any(mark in value for mark in ("...", "…", "<", ">"))
    return [path] if sample else []


def read_file(path):
    with open(path, encoding="utf-8") as f:
        if os.fstat(f.fileno()).st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise Fault(f"{path} holds secrets and others may read it; chmod 600 {path}")
        try:
            document = json.load(f, object_pairs_hook=once)
        except json.JSONDecodeError as e:
            raise Fault(f"{path}: line {e.lineno} is not JSON: {e.msg}") from None
    if not isinstance(document, dict):
        raise Fault(f"{path} is not a JSON object; start from infra/config.example.json")
    left = placeholders(document)
    if left:
        raise Fault(f"{path} still holds the example's placeholders in {', '.join(left)}; write the real values, or take the keys out")
    return document


def examine(value):
    """Refuses what the functions would, in their words; prints what they would warn of."""
    try:
        said = subprocess.run(["go", "run", "./internal/app/cloud/examine"], cwd=ROOT, input=value.encode(), capture_output=True, check=False)
    except FileNotFoundError:
        raise Fault("the document cannot be examined without the go command, so nothing was written; install Go 1.26") from None
    words = said.stdout.decode().strip()
    if said.returncode:
        if not words:
            raise Fault(f"the document was not examined, so nothing was written: {said.stderr.decode().strip()}")
        raise Fault(f"the functions would refuse this document, so nothing was written:\n{words}")
    if words:
        print(words)


class Parameter:
    """The one parameter, by name."""

    def __init__(self, name, key):
        self.name, self.key = name, key
        self.ssm = botocore.session.get_session().create_client("ssm")

    def read(self):
        """The document, or None where there is no parameter yet."""
        try:
            answer = self.ssm.get_parameter(Name=self.name, WithDecryption=True)
        except self.ssm.exceptions.ParameterNotFound:
            return None
        return json.loads(answer["Parameter"]["Value"])

    def write(self, document, overwrite):
        """Stores the document. Over 4 KB it costs 5 cents a month (advanced tier)."""
        value = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
        examine(value)
        more = {"KeyId": self.key} if self.key else {}
        answer = self.ssm.put_parameter(
            Name=self.name, Value=value, Type="SecureString", Overwrite=overwrite, Tier="Intelligent-Tiering", **more
        )
        print(f"wrote {self.name}, version {answer['Version']}, sha256 {digest(value)}")

    def existing(self):
        document = self.read()
        if document is None:
            raise Fault(f"there is no parameter {self.name} yet; write it first: scripts/secrets.sh write FILE")
        return document


def digest(value):
    return hashlib.sha256(value.encode()).hexdigest()


def new_token(document, name):
    tokens = get(document, "tools.tokens") or []
    tokens = tokens if isinstance(tokens, list) else [tokens]
    if any(isinstance(t, dict) and t.get("name") == name for t in tokens):
        raise Fault(f"there is a token {name} already; choose another name, or revoke it first")
    token = secrets.token_hex(32)
    put(document, "tools.tokens", [*tokens, {"name": name, "sha256": digest(token), "scopes": SCOPES}])
    return token


def show_token(name, token):
    print(f"tool token {name}, shown this once: {token}")


def write(parameter, args):
    document, token = read_file(args.file), None
    before = parameter.read()
    if before is not None and not args.replace:
        raise Fault(f"{parameter.name} exists and was left as it is; to replace it: scripts/secrets.sh write --replace {args.file}")
    for path in SECRETS:
        kept = get(before or {}, path)
        if get(document, path) is None and kept is not None:
            put(document, path, kept)
    if get(document, "stream.secret") is None:
        put(document, "stream.secret", secrets.token_hex(32))
    if get(document, "tools.tokens") is None:
        token = new_token(document, "clawdbot")
    parameter.write(document, overwrite=before is not None)
    if token:
        show_token("clawdbot", token)


def token(parameter, args):
    document = parameter.existing()
    made = new_token(document, args.token)
    parameter.write(document, overwrite=True)
    show_token(args.token, made)


def revoke(parameter, args):
    document = parameter.existing()
    tokens = get(document, "tools.tokens")
    left = [t for t in tokens if not (isinstance(t, dict) and t.get("name") == args.token)]
    if len(left) == len(tokens):
        raise Fault(f"there is no token {args.token}; scripts/secrets.sh show names them")
    if not left:
        raise Fault(f"{args.token} is the last token; make another one first: scripts/secrets.sh token NAME")
    put(document, "tools.tokens", left)
    parameter.write(document, overwrite=True)


def stream_secret(parameter, _):
    document = parameter.existing()
    put(document, "stream.secret", secrets.token_hex(32))
    parameter.write(document, overwrite=True)


def show(parameter, _):
    document = parameter.existing()
    print(f"{parameter.name}, sha256 {digest(json.dumps(document, ensure_ascii=False, separators=(',', ':')))}")
    for path in SECRETS:
        value = get(document, path)
        if path == "tools.tokens" and isinstance(value, list):
            value = ", ".join(t.get("name", "?") if isinstance(t, dict) else "(unnamed)" for t in value)
        else:
            value = "set" if value else "not set"
        print(f"  {path}: {value}")


def arguments():
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--name", default=os.environ.get("CALLAGENT_PARAMETER", "/callagent/config"))
    common.add_argument("--key", default="")
    top = argparse.ArgumentParser(prog="scripts/secrets.sh", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = top.add_subparsers(required=True, metavar="write|token|revoke|stream-secret|show")
    w = verbs.add_parser("write", parents=[common])
    w.add_argument("--replace", action="store_true")
    w.add_argument("file")
    w.set_defaults(do=write)
    for name, do in (("token", token), ("revoke", revoke)):
        p = verbs.add_parser(name, parents=[common])
        p.add_argument("token", metavar="NAME")
        p.set_defaults(do=do)
    for name, do in (("stream-secret", stream_secret), ("show", show)):
        verbs.add_parser(name, parents=[common]).set_defaults(do=do)
    return top.parse_args()


def main():
    args = arguments()
    try:
        args.do(Parameter(args.name, args.key), args)
    except (Fault, OSError, botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as e:
        sys.exit(f"scripts/secrets.sh: {e}")


if __name__ == "__main__":
    main()
