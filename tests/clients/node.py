"""The example `rpc_node` as a child process: where it is reached, and its end."""

import json
import subprocess


class Node:
    """Runs while the `with` block does; a node that does not end well fails it."""

    def __init__(self, program):
        self.program = program

    def __enter__(self):
        self.child = subprocess.Popen([self.program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.at = json.loads(self.child.stdout.readline())
        return self

    def __exit__(self, *_):
        self.child.stdin.close()
        status = self.child.wait(timeout=30)
        assert status == 0, f"the node ended with {status}"
