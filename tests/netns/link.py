#!/usr/bin/env python3
"""A link between two network namespaces, in user space: every packet leaves at a rate and arrives after a delay.

usage: link.py NAMESPACE NAMESPACE DELAY_MS MEGABITS

Each end is a tun device, 10.88.0.1 and 10.88.0.2. Packets are large (MTU below), so that one process keeps up with a gigabit.
What would wait longer than QUEUE to leave is dropped, as a router with a full buffer does. Prints "up" once both ends are there;
ends with its standard input.
"""
import collections, ctypes, fcntl, os, select, struct, subprocess, sys, time

MTU = 32000
QUEUE = 0.2  # seconds of the link's rate
TUNSETIFF, IFF_TUN, IFF_NO_PI, CLONE_NEWNET = 0x400454CA, 0x0001, 0x1000, 0x40000000


def tun(namespace, address):
    """Opens a tun device in a namespace; the process stays there, which no later step minds."""
    where = os.open(f"/run/netns/{namespace}", os.O_RDONLY)
    if ctypes.CDLL(None, use_errno=True).setns(where, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), f"cannot enter the namespace {namespace}")
    os.close(where)
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH22x", b"link0", IFF_TUN | IFF_NO_PI))
    for command in (f"ip addr add {address}/24 dev link0", f"ip link set link0 mtu {MTU} txqueuelen 2000 up"):
        subprocess.check_call(command.split())
    return device


class Direction:
    """From one device to the other."""

    def __init__(self, source, sink, delay, rate):
        self.source, self.sink, self.delay, self.rate = source, sink, delay, rate
        self.left, self.waiting, self.dropped = 0.0, collections.deque(), 0

    def take(self, now):
        for _ in range(256):
            try:
                packet = os.read(self.source, 65535)
            except BlockingIOError:
                return
            leaves = max(now, self.left) + len(packet) / self.rate
            if leaves - now > QUEUE:
                self.dropped += 1
                continue
            self.left = leaves
            self.waiting.append((leaves + self.delay, packet))

    def deliver(self, now):
        while self.waiting and self.waiting[0][0] <= now:
            try:
                os.write(self.sink, self.waiting.popleft()[1])
            except OSError:
                self.dropped += 1


def main():
    first, second = tun(sys.argv[1], "10.88.0.1"), tun(sys.argv[2], "10.88.0.2")
    delay, rate = float(sys.argv[3]) / 1e3, float(sys.argv[4]) * 1e6 / 8
    directions = [Direction(first, second, delay, rate), Direction(second, first, delay, rate)]
    print("up", flush=True)
    while True:
        due = [direction.waiting[0][0] for direction in directions if direction.waiting]
        wait = max(0.0, min(due) - time.monotonic()) if due else None
        readable, _, _ = select.select([first, second, sys.stdin], [], [], wait)
        if sys.stdin in readable:
            break
        now = time.monotonic()
        for direction in directions:
            if direction.source in readable:
                direction.take(now)
            direction.deliver(time.monotonic())
    print("dropped", *(direction.dropped for direction in directions), file=sys.stderr)


main()
