"""A trainer without an SDK: each record is numbered, sent to the control port, and kept until it is acknowledged.

    protoc --python_out=. -I proto proto/trainbus.proto && python3 trainer.py [RUN] [RECORDS]     (pyzmq, protobuf)
"""
import os, random, re, sys, time
import zmq
from trainbus_pb2 import KIND_BATCH, MetricsRequest, MetricsResponse

run, count = (sys.argv + ["mine", "100"][len(sys.argv) - 1:])[1:3]
host, port = re.fullmatch(r"(tcp://.+):(\d+)", os.environ.get("TRAINBUS_BROKER", "tcp://127.0.0.1:7760")).groups()
incarnation = int(time.time() * 1000) << 20 | random.getrandbits(20)  # this start: sequences count from 1 within it
socket = zmq.Context().socket(zmq.DEALER)
socket.linger = 2000
if os.environ.get("TRAINBUS_KEY", "off") != "off":  # a file of trainbus-keys, where the broker has keys
    key = open(os.environ["TRAINBUS_KEY"]).read()
    public, secret, broker = (re.search(f'{name} = "(.+)"', key)[1].encode() for name in ("public-key", "secret-key", "broker-key"))
    socket.curve_publickey, socket.curve_secretkey, socket.curve_serverkey = public, secret, broker
socket.connect(f"{host}:{int(port) + 2}")
waiting = {}  # sequence -> the record, until the broker's journal has it

def send(sequence):
    socket.send_multipart([f"batch/{run}/python/".encode(), waiting[sequence]])

def acknowledge(milliseconds):
    while socket.poll(milliseconds):
        answer = MetricsResponse.FromString(socket.recv())
        if answer.HasField("error"):
            sys.exit(f"refused: {answer.error.message}")
        stored = max((p.sequence for p in answer.ack.stored if p.kind == KIND_BATCH), default=0)
        for sequence in [s for s in waiting if s <= stored]:
            del waiting[sequence]
        milliseconds = 0

for sequence in range(1, int(count) + 1):
    record = MetricsRequest(session_id=f"{run}/python", incarnation=incarnation, sequence=sequence,
                            timestamp_ms=int(time.time() * 1000))
    record.batch_data.epoch, record.batch_data.step, record.batch_data.batch_loss = 1, sequence, 1 / sequence
    record.batch_data.scalars["grad_norm"] = 0.5
    waiting[sequence] = record.SerializeToString()
    send(sequence)
    acknowledge(0)

end = time.monotonic() + 30
while waiting and time.monotonic() < end:
    acknowledge(2000)
    for sequence in sorted(waiting):  # the broker drops what it has already
        send(sequence)
print(f"{int(count) - len(waiting)} of {count} records stored")
sys.exit(1 if waiting else 0)
