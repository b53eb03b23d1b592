"""Public HTTP clients that keep connections alive: each asks again and again, with pauses, and says what became of each request.

A program prints "ready" after its first answer, goes on until its standard input ends, and then prints the number of answers and of failures, each with its first
failure behind it. A request on a kept connection that ends before any answer is repeated once, as HTTP allows (RFC 9112, 9.3.1): the server
may close a connection that it thinks idle just as the client writes. Some clients do so on their own; where they do not, the program does."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

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
PAUSES = [0, 0, 0, 0.01, 0.02, 0.05, 0.35, 0.39, 0.4, 0.405, 0.41, 0.5]
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
const url = process.argv[1], pauses = [0, 0, 0, 10, 20, 50, 350, 390, 400, 405, 410, 500];
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
my ($url) = @ARGV; my @pauses = (0, 0, 0, 0.01, 0.02, 0.05, 0.35, 0.39, 0.4, 0.405, 0.41, 0.5);
my $http = HTTP::Tiny->new(keep_alive => 1, timeout => 10); my $end = IO::Select->new(\\*STDIN); my ($n, $failed, $first) = (0, 0, '');
until ($end->can_read(0)) {
  my $answer = $http->get($url);
  if ($answer->{status} == 200 && $answer->{content} eq "Welcome!\\n") { print "ready\\n" if ++$n == 1 } else { $failed++; $first ||= $answer->{status} . $answer->{content}; $first =~ s/\\n/ /g }
  sleep $pauses[($n + $failed) % @pauses];
}
print "$n $failed $first\\n";
"""

LWP = """
use strict; use warnings; use LWP::UserAgent; use IO::Select; use Time::HiRes 'sleep'; $| = 1;
my ($url) = @ARGV; my @pauses = (0, 0, 0, 0.01, 0.02, 0.05, 0.35, 0.39, 0.4, 0.405, 0.41, 0.5);
my $agent = LWP::UserAgent->new(keep_alive => 1, timeout => 10); my $end = IO::Select->new(\\*STDIN); my ($n, $failed, $first) = (0, 0, '');
until ($end->can_read(0)) {
  my $answer = $agent->get($url);
  $answer = $agent->get($url) if $answer->message =~ /Server closed connection|reset by peer|Broken pipe/;
  if ($answer->code == 200 && $answer->content eq "Welcome!\\n") { print "ready\\n" if ++$n == 1 } else { $failed++; $first ||= $answer->status_line; $first =~ s/\\n/ /g }
  sleep $pauses[($n + $failed) % @pauses];
}
print "$n $failed $first\\n";
"""
URLLIB3 = PYTHON + """
import urllib3
pool = urllib3.PoolManager(timeout=10, retries=False)
async def ask():
    answer = pool.request("GET", url)
    return answer.status, answer.data
asyncio.run(run(ask))
print(n, failed, first)
"""
RUBY = """
require 'net/http'
$stdout.sync = true
uri, pauses = URI(ARGV[0]), [0, 0, 0, 0.01, 0.02, 0.05, 0.35, 0.39, 0.4, 0.405, 0.41, 0.5]
n, failed, first = 0, 0, ''
Net::HTTP.start(uri.host, uri.port, open_timeout: 10, read_timeout: 10) do |http|
  until IO.select([$stdin], nil, nil, 0)
    begin
      answer = http.request(Net::HTTP::Get.new('/'))
      raise "#{answer.code} #{answer.body}" unless answer.code == '200' && answer.body == "Welcome!\\n"
      puts 'ready' if (n += 1) == 1
    rescue StandardError => error
      failed += 1
      first = error.inspect if first.empty?
    end
    sleep pauses[(n + failed) % pauses.size]
  end
end
puts "#{n} #{failed} #{first.tr("\\n", ' ')}"
"""
PHP = """
$pauses = [0, 0, 0, 10, 20, 50, 350, 390, 400, 405, 410, 500]; $n = $failed = 0; $first = '';
$http = curl_init($argv[1]); curl_setopt_array($http, [CURLOPT_RETURNTRANSFER => true, CURLOPT_TIMEOUT => 10]);
while (true) {
  $read = [STDIN]; $write = $except = null;
  if (stream_select($read, $write, $except, 0)) break;
  $body = curl_exec($http);
  if ($body === "Welcome!\\n" && curl_getinfo($http, CURLINFO_RESPONSE_CODE) === 200) { if (++$n === 1) echo "ready\\n"; }
  else { $failed++; $first = $first ?: curl_error($http) . ' ' . strtr((string)$body, "\\n", ' '); }
  usleep(1000 * $pauses[($n + $failed) % count($pauses)]);
}
echo "$n $failed $first\\n";
"""
GO = """
package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"sync/atomic"
	"time"
)

func ask(url string) error {
	answer, err := http.Get(url)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err == nil && (answer.StatusCode != 200 || string(body) != "Welcome!\\n") {
		err = fmt.Errorf("%d %q", answer.StatusCode, body)
	}
	return err
}

func main() {
	pauses := []int{0, 0, 0, 10, 20, 50, 350, 390, 400, 405, 410, 500}
	var stop atomic.Bool
	go func() { io.ReadAll(os.Stdin); stop.Store(true) }()
	n, failed, first := 0, 0, ""
	http.DefaultClient.Timeout = 10 * time.Second
	for !stop.Load() {
		if err := ask(os.Args[1]); err != nil {
			failed++
			if first == "" {
				first = fmt.Sprintf("%q", err)
			}
		} else if n++; n == 1 {
			fmt.Println("ready")
		}
		time.Sleep(time.Duration(pauses[(n+failed)%len(pauses)]) * time.Millisecond)
	}
	fmt.Println(n, failed, first)
}
"""
# A tool that ends after some requests. Both kinds of output tell how many were answered.
TOOL = """
import re, subprocess, sys, threading
*command, url = sys.argv[1:]
is_ab = command[0] == "ab"
asked = 200 if is_ab else 4
stop = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), stop.set()), daemon=True).start()
n = failed = 0
first = ""
def number(name, text):
    found = re.search(name + r": +(\\d+)", text)
    return int(found[1]) if found else 0
while not stop.is_set():
    done = subprocess.run([*command, *[url] * (1 if is_ab else asked)], capture_output=True, text=True, timeout=300)
    answered = number("Complete requests", done.stdout) - number("Failed requests", done.stdout) - number("Non-2xx responses", done.stdout) if is_ab else done.stdout.count("Welcome!\\n")
    n += answered
    if answered and n == answered:
        print("ready", flush=True)
    if answered < asked:
        failed += asked - answered
        first = first or f"exit {done.returncode}: {(done.stderr or done.stdout)[-200:]!r}"
    stop.wait(0.2)
print(n, failed, first)
"""


@dataclass(frozen=True)
class Program:
    name: str
    package: str  # Debian's
    command: tuple[str, ...]
    module: str = ""  # Python's
    probe: tuple[str, ...] = ()  # a command that fails if something of it is missing
    tool: str = ""  # what the command starts
    source: str = ""  # text of a file whose name goes before the URL
    is_slow: bool = False  # to begin

    @property
    def is_there(self) -> bool:
        if not shutil.which(self.tool or self.command[0]) or (self.module and find_spec(self.module) is None):
            return False
        return not self.probe or subprocess.run(self.probe, capture_output=True, check=False).returncode == 0


def repeated(tool: str, *options: str) -> tuple[str, ...]:
    """A command that starts such a tool, for several requests, again and again."""
    return (sys.executable, "-c", TOOL, tool, *options)


PROGRAMS = (
    Program("requests", "python3-requests", (sys.executable, "-c", REQUESTS), "requests"),
    Program("httpx", "python3-httpx", (sys.executable, "-c", HTTPX), "httpx"),
    Program("aiohttp", "python3-aiohttp", (sys.executable, "-c", AIOHTTP), "aiohttp"),
    Program("http.client", "python3", (sys.executable, "-c", HTTP_CLIENT)),
    Program("node", "nodejs", ("node", "-e", NODE)),
    Program("HTTP::Tiny", "perl", ("perl", "-e", PERL)),
    Program("LWP", "libwww-perl", ("perl", "-e", LWP), probe=("perl", "-MLWP::UserAgent", "-e", "1")),
    Program("urllib3", "python3-urllib3", (sys.executable, "-c", URLLIB3), "urllib3"),
    Program("Net::HTTP", "ruby", ("ruby", "-e", RUBY)),
    Program("PHP curl", "php-curl", ("php", "-r", PHP, "--"), probe=("php", "-r", "exit((int)!function_exists('curl_init'));")),
    Program("curl", "curl", repeated("curl", "-sS", "--max-time", "10", "--rate", "150/m"), tool="curl"),
    Program("wget", "wget", repeated("wget", "-q", "-O", "-", "--wait=0.4", "--tries=2", "--timeout=10"), tool="wget"),
    Program("ab", "apache2-utils", repeated("ab", "-q", "-k", "-c", "2", "-n", "200"), tool="ab"),
    Program("net/http", "golang-go", ("go", "run"), source=GO, is_slow=True),
)


class Running:
    """A program at work."""

    def __init__(self, program: Program, url: str) -> None:
        self.program = program
        self.folder = tempfile.TemporaryDirectory() if program.source else None
        command = [*program.command, url]
        if self.folder:
            source = Path(self.folder.name, "main.go")
            source.write_text(program.source)
            command.insert(-1, str(source))
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def wait_ready(self) -> None:
        assert self.process.stdout
        line = self.process.stdout.readline()
        assert line == "ready\n", (self.program.name, line)

    def end(self) -> tuple[int, int, str]:
        """How many requests were answered, how many failed, and the first failure."""
        output, errors = self.process.communicate(timeout=300)
        assert self.process.returncode == 0, (self.program.name, errors)
        if self.folder:
            self.folder.cleanup()
        answered, failed, first = (output.strip() + " ").split(" ", 2)
        return int(answered), int(failed), first.strip()
