#!/usr/bin/env python3
"""Makes one page out of its template, styles and scripts, as bytes for C.

usage: embed_page.py OUTPUT TEMPLATE FILE...

Scripts become one function, in the order they are named. The page says by
their hashes which style and which script may run in it, and nothing else may.
"""

import base64
import hashlib
import os
import re
import sys


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def hash_of(text):
    digest = hashlib.sha256(text.encode()).digest()
    return "sha256-" + base64.b64encode(digest).decode()


def assemble(template, paths):
    """The page in two halves; its data go between them."""
    style = "".join(read(path) for path in paths if path.endswith(".css"))
    script = "".join(read(path) for path in paths if path.endswith(".js"))
    script = "(function () {\n'use strict';\n" + script + "}());\n"
    for text in (style, script):
        if re.search("</(script|style)|<!--", text, re.IGNORECASE):
            raise SystemExit("embed_page: a tag would end in the text")
    page = read(template)
    for name, text in (
            ("@STYLE_HASH@", hash_of(style)),
            ("@SCRIPT_HASH@", hash_of(script)),
            ("@STYLE@", style), ("@SCRIPT@", script)):
        if page.count(name) != 1:
            raise SystemExit("embed_page: there is not one " + name)
        page = page.replace(name, text)
    head, tail = page.split("@DATA@")
    return head, tail


def array(name, text):
    data = text.encode()
    lines = [",".join(str(byte) for byte in data[at:at + 24])
             for at in range(0, len(data), 24)]
    return ("static const unsigned char {}[{}] = {{\n{}}};\n".format(
        name, len(data), ",\n".join(lines)))


def main(output, template, *paths):
    head, tail = assemble(template, paths)
    with open(output, "w", encoding="ascii") as file:
        file.write("/* Made by {} from {}. */\n".format(
            os.path.basename(__file__), os.path.basename(template)))
        file.write(array("page_head", head) + array("page_tail", tail))


if __name__ == "__main__":
    main(*sys.argv[1:])
