"""Public HTTP clients that keep connections alive: each asks again and again, with pauses, and says what became of each request.

A program prints "ready" after its first answer, goes on until its standard input ends, and then prints the number of answers and of failures, each with its first
failure behind it. A request on a kept connection that ends before any answer is repeated once, as HTTP allows (RFC 9112, 9.3.1): the server
may close a connection that it thinks idle just as the client writes. Some clients do so on their own; where they do not, the program does."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec

# `ask()` raises if a request fails. The pauses go from none to above the idle timeout of the tests.
PYTHON = """
import asyncio, sys, threading, time
url = sys.argv[1]
stop = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), stop.set()), daemon=True).start()
n = failed = 0
first = ""
def check(status, body):
    if status != 200 or body != b"Welcome!\\n":
        raise ValueError(f"{status} {body[:40]!r}")
CLOSED = ("ServerDisconnected", "RemoteDisconnected", "Server disconnected", "ConnectionResetError", "Connection reset by peer", "BrokenPipeError")
async def ask_again(ask):
    try:
        return await ask()
    except Exception as error:
        if n == 0 or not any(word in repr(error) for word in CLOSED):
            raise
        return await ask()
async def run(ask):
    global n, failed, first
    while not stop.is_set():
        try:
            check(*await ask_again(ask))
            n += 1
            if n == 1:
                print("ready", flush=True)
        except Exception as error:
            failed += 1
            first = first or repr(error)
        await asyncio.sleep(PAUSES[(n + failed) % len(PAUSES)])
PAUSES = [0, 0, 0, 0.01, 0.02, 0.05, 0.15, 0.19, 0.2, 0.205, 0.21, 0.3]
"""
REQUESTS = PYTHON + """
import requests
session = requests.Session()
async def ask():
    answer = session.get(url, timeout=10)
    return answer.status_code, answer.content
asyncio.run(run(ask))
print(n, failed, first)
"""
HTTPX = PYTHON + """
import httpx
client = httpx.Client(timeout=10)
async def ask():
    answer = client.get(url)
    return answer.status_code, answer.content
asyncio.run(run(ask))
print(n, failed, first)
"""
AIOHTTP = PYTHON + """
import aiohttp
async def main():
    async with aiohttp.ClientSession() as session:
        async def ask():
            async with session.get(url) as answer:
                return answer.status, await answer.read()
        await run(ask)
asyncio.run(main())
print(n, failed, first)
"""
HTTP_CLIENT = PYTHON + """
import http.client
from urllib.parse import urlsplit
connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
# It knows no pool: as its manual asks, a connection that the server has closed is opened anew.
async def ask():
    import select
    if connection.sock and select.select([connection.sock], [], [], 0)[0]:
        connection.close()
    try:
        connection.request("GET", "/")
        answer = connection.getresponse()
        return answer.status, answer.read()
    except Exception:
        connection.close()
        raise
asyncio.run(run(ask))
print(n, failed, first)
"""
NODE = """
const http = require('http');
const url = process.argv[1], pauses = [0, 0, 0, 10, 20, 50, 150, 190, 200, 205, 210, 300];
const agent = new http.Agent({ keepAlive: true });
let n = 0, failed = 0, first = '', stop = false;
process.stdin.on('data', () => {}).on('end', () => { stop = true; });
const get = (again) => new Promise((resolve, reject) => {
  const request = http.get(url, { agent }, (answer) => {
    let body = '';
    answer.on('data', (part) => { body += part; }).on('end', () => answer.statusCode === 200 && body === 'Welcome!\\n' ? resolve() : reject(new Error(answer.statusCode + body)));
  });
  // As its manual says of reusedSocket: a request on a kept connection that the server has closed is repeated.
  request.on('error', (error) => again && request.reusedSocket && error.code === 'ECONNRESET' ? resolve(get(false)) : reject(error));
});
(async () => {
  while (!stop) {
    try { await get(true); if (++n === 1) console.log('ready'); } catch (error) { failed++; first = first || String(error); }
    await new Promise((resolve) => setTimeout(resolve, pauses[(n + failed) % pauses.length]));
  }
  console.log(n, failed, first);
  process.exit(0);
})();
"""
PERL = """
use strict; use warnings; use HTTP::Tiny; use IO::Select; use Time::HiRes 'sleep'; $| = 1;
my ($url) = @ARGV; my @pauses = (0, 0, 0, 0.01, 0.02, 0.05, 0.15, 0.19, 0.2, 0.205, 0.21, 0.3);
my $http = HTTP::Tiny->new(keep_alive => 1, timeout => 10); my $end = IO::Select->new(\\*STDIN); my ($n, $failed, $first) = (0, 0, '');
until ($end->can_read(0)) {
  my $answer = $http->get($url);
  if ($answer->{status} == 200 && $answer->{content} eq "Welcome!\\n") { print "ready\\n" if ++$n == 1 } else { $failed++; $first ||= $answer->{status} . $answer->{content}; $first =~ s/\\n/ /g }
  sleep $pauses[($n + $failed) % @pauses];
}
print "$n $failed $first\\n";
"""


@dataclass(frozen=True)
class Program:
    name: str
    package: str  # Debian's
    command: tuple[str, ...]
    module: str = ""

    @property
    def is_there(self) -> bool:
        return shutil.which(self.command[0]) is not None and (not self.module or find_spec(self.module) is not None)


PROGRAMS = (
    Program("requests", "python3-requests", (sys.executable, "-c", REQUESTS), "requests"),
    Program("httpx", "python3-httpx", (sys.executable, "-c", HTTPX), "httpx"),
    Program("aiohttp", "python3-aiohttp", (sys.executable, "-c", AIOHTTP), "aiohttp"),
    Program("http.client", "python3", (sys.executable, "-c", HTTP_CLIENT)),
    Program("node", "nodejs", ("node", "-e", NODE)),
    Program("HTTP::Tiny", "perl", ("perl", "-e", PERL)),
)


class Running:
    """A program at work."""

    def __init__(self, program: Program, url: str) -> None:
        self.program = program
        self.process = subprocess.Popen([*program.command, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def wait_ready(self) -> None:
        assert self.process.stdout
        line = self.process.stdout.readline()
        assert line == "ready\n", (self.program.name, line)

    def end(self) -> tuple[int, int, str]:
        """How many requests were answered, how many failed, and the first failure."""
        output, errors = self.process.communicate(timeout=30)
        assert self.process.returncode == 0, (self.program.name, errors)
        answered, failed, first = (output.strip() + " ").split(" ", 2)
        return int(answered), int(failed), first.strip()
