"""A stock python-socketio client, driven by a test.

Each line on standard input is a JSON array [event, data, ack]: an emit, with a callback if ack is not null; without an
event, the client connects again, with that auth. Each event of the client is a JSON array [event, data] on standard
output. The client ends with its standard input.
"""

import json
import sys
import threading

import requests
import socketio

options = json.loads(sys.argv[1])
is_late = options.get("isLate", False)
session = requests.Session()
session.trust_env = False  # the environment may name other authorities
session.verify = options.get("ca", True)
client = socketio.Client(http_session=session)
output = threading.Lock()


def say(event, data=None):
    with output:
        print(json.dumps([event, data]), flush=True)


@client.event
def connect():
    say("connect")
    say("ready", client.transport())


@client.event
def disconnect(reason):
    say("disconnect", reason)


@client.event
def connect_error(data):
    say("connect_error", data)


@client.on("*")
def receive(event, *arguments):
    say(event, *arguments)


def late_auth():
    """What the client says when it enters. The first time, it has to think about it until a line comes."""
    global is_late
    if is_late:
        is_late = False
        say("asked")
        sys.stdin.readline()
    return options.get("auth")


def connect_with(auth):
    try:
        # It has to come back if the server has ended the connection meanwhile. Without `wait`, it never does if it hears
        # of that before `connect` returns, since it takes itself for connected then.
        client.connect(options["url"], transports=options.get("transports"), auth=auth, wait_timeout=60 if is_late else 1)
    except socketio.exceptions.ConnectionError:
        say("gave up")  # connect_error has said why


connect_with(late_auth if is_late else options.get("auth"))

for line in sys.stdin:
    event, data, ack = json.loads(line)
    if event is None:
        connect_with(data)
        continue
    callback = (lambda *arguments, ack=ack: say("ack", [ack, *arguments])) if ack is not None else None
    try:
        client.emit(event, data, callback=callback)
    except socketio.exceptions.BadNamespaceError:
        pass  # not connected

client.disconnect()
