"""A stock python-socketio client, driven by a test.

Each line on standard input is a JSON array [event, data, ack]: an emit, with a callback if ack is not null. Each event
of the client is a JSON array [event, data] on standard output. The client ends with its standard input.
"""

import json
import sys
import threading

import socketio

options = json.loads(sys.argv[1])
client = socketio.Client()
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


try:
    client.connect(options["url"], transports=options.get("transports"), auth=options.get("auth"))
except socketio.exceptions.ConnectionError:
    pass  # connect_error has said it

for line in sys.stdin:
    event, data, ack = json.loads(line)
    callback = (lambda *arguments, ack=ack: say("ack", [ack, *arguments])) if ack is not None else None
    try:
        client.emit(event, data, callback=callback)
    except socketio.exceptions.BadNamespaceError:
        pass  # not connected

client.disconnect()
