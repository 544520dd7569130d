#!/usr/bin/env python3
"""Keeps the reference phone in one process for many commands, because starting it costs more than most of them.

    reference_phone.py DEVICE_PY COMMANDS

COMMANDS is a file (a named pipe) with a JSON object a line; each is answered by a line on standard output:

    {"words": ["--server", ..., "validate", ...], ...}   as the program takes them
    {"status": 0, "told": {...}, "sent": [{"method", "path", "headers", "body"}, ...]}

status and told are what the program ends with and prints; sent is what it sent meanwhile, so that it can be sent again.
More members of a command:

    "input"        text on standard input
    "clock_off_ms" how far the clock of the phone is ahead
    "times"        how often the command is run; the last time is told
    "exchange"     [path, plaintext, factors, pin]: in place of the command "info", a request to an endpoint of the
                   application, signed and then encrypted; the decrypted answer is told
    "key_of"       words of another phone that end with "info": the command is run with the temporary key of that one
"""

import contextlib
import importlib.util
import io
import json
import sys
import time


def load(path):
    spec = importlib.util.spec_from_file_location("reference_device", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


class Phones:
    def __init__(self, module):
        self.module = module
        self.sent = []
        send = module.Device.send

        def recorded(device, path, body, headers=None, method="POST"):
            try:
                return send(device, path, body, headers, method)
            finally:
                sent_method, sent_path, sent_headers, sent_body = device.last_request
                self.sent.append({"method": sent_method, "path": sent_path, "headers": sent_headers,
                                  "body": sent_body.decode("utf-8") if sent_method != "GET" else ""})

        module.Device.send = recorded
        self.run_command = module._run

    def device(self, words):
        args = self.module._parser().parse_args(words)
        app = self.module.AppConfig(*self.module.read_sdk_config(args.sdk_config))
        return self.module.Device.load(args.server, app, args.state, version=args.protocol, wire_style=args.style)

    def answer(self, command):
        def run(device, args):
            if "key_of" in command:
                device._temporary_keys["activation"] = self.device(command["key_of"]).fetch_temporary_key("activation")
            if "exchange" in command:
                path, plaintext, factors, pin = command["exchange"]
                return json.loads(device.exchange_sign_then_encrypt(path, path, plaintext.encode("utf-8"), factors, pin))
            return self.run_command(device, args)

        self.module._run = run
        self.sent = []
        out = io.StringIO()
        sys.argv = ["device.py", *command["words"]]
        sys.stdin = io.StringIO(command.get("input", ""))
        now = time.time
        time.time = lambda: now() + command.get("clock_off_ms", 0) / 1000
        try:
            for _ in range(command.get("times", 1)):
                out.seek(0)
                out.truncate()
                with contextlib.redirect_stdout(out):
                    status = self.module.main()
        finally:
            time.time = now
        return {"status": status, "told": json.loads(out.getvalue()), "sent": self.sent}


def main():
    phones = Phones(load(sys.argv[1]))
    with open(sys.argv[2], encoding="utf-8") as commands:
        for line in commands:
            print(json.dumps(phones.answer(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
