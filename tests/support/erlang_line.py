"""Calls of functions in an Erlang node: what rabbitmqctl does, without the
second that it takes to start.

    node = ErlangLine(spawn, "rabbit@localhost")
    text = node.call("rabbit_vhost", "list_names")

Values go as Erlang spells them, and come back so, on one line.
"""

import select
import subprocess

LOOP = """
Node = list_to_atom(hd(init:get_plain_arguments())),
Loop = fun Loop() ->
    case io:get_line("") of
        eof -> halt();
        Line ->
            {ok, Tokens, _} = erl_scan:string(Line),
            {ok, {Module, Function, Values}} = erl_parse:parse_term(Tokens),
            Answer = rpc:call(Node, Module, Function, Values, 60000),
            io:format("~0p~n", [Answer]),
            Loop()
    end
end,
Loop().
"""
SECONDS = 90


def binary(text):
    """A text as Erlang's programs like it best."""
    assert text.isascii() and text.isprintable() and '"' not in text, text
    return '<<"%s">>' % text.replace("\\", "\\\\")


class ErlangLine:
    """`spawn` starts words with pipes, where the node's cookie is."""

    def __init__(self, spawn, node):
        name = "ask-" + node
        self.process = spawn(
            ["erl", "-noshell", "-hidden", "-sname", name, "-kernel",
             "inet_dist_use_interface", "{127,0,0,1}", "-eval",
             " ".join(LOOP.split()), "-extra", node],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def call(self, module, function, *values):
        """Gives the answer's text; RuntimeError says what went wrong."""
        line = "{%s,%s,[%s]}.\n" % (module, function, ",".join(values))
        self.process.stdin.write(line.encode())
        self.process.stdin.flush()
        if not select.select([self.process.stdout], [], [], SECONDS)[0]:
            raise TimeoutError("no answer to " + line)
        answer = self.process.stdout.readline().decode().rstrip("\n")
        if not answer or answer.startswith(("{badrpc,", "{error,")):
            raise RuntimeError("%s: %s" % (line.strip(), answer or "it ended"))
        return answer

    def end(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.kill()
        self.process.wait()
