"""trainbus-grpc, for a client that was generated from the design document alone."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import read_until
from real_broker import BIN

grpc = pytest.importorskip("grpc")
GATEWAY = BIN / "trainbus-grpc"
PLUGIN = shutil.which("grpc_python_plugin")
DOCUMENT = Path(__file__).resolve().parents[2] / "tests/schema/design_document.proto"
pytestmark = pytest.mark.skipif(not GATEWAY.exists() or PLUGIN is None, reason="gRPC was not built")


@pytest.fixture(scope="session")
def document(tmp_path_factory):
    """The messages and the client, generated."""
    folder = tmp_path_factory.mktemp("document")
    text = re.sub(r"package design\.v1;", "package trainbus.v1;", DOCUMENT.read_text())
    # A file name of its own: this process knows the bus's trainbus.proto, and one name is one file in a pool.
    (folder / "document.proto").write_text(text)
    script = "import document_pb2, document_pb2_grpc"
    subprocess.run(["protoc", f"-I{folder}", f"--python_out={folder}", f"--grpc_out={folder}",
                    f"--plugin=protoc-gen-grpc={PLUGIN}", "document.proto"], check=True)
    subprocess.run([sys.executable, "-c", script], cwd=folder, check=True)
    return folder


@pytest.fixture
def gateway(broker, tmp_path):
    process = subprocess.Popen([GATEWAY, "--listen", "127.0.0.1:0", "--broker", broker.address, "--spool-dir",
                                tmp_path / "spool"], stdout=subprocess.PIPE, text=True)
    for line in process.stdout:
        if "listening on " in line:
            break
    process.address = line.split("listening on ")[1].strip()
    yield process
    process.terminate()
    assert process.wait(30) == 0


CLIENT = """
import queue, sys
import grpc
import document_pb2 as document, document_pb2_grpc

channel = grpc.insecure_channel(sys.argv[1])
service = document_pb2_grpc.MetricsServiceStub(channel)
answer = service.RegisterTrainingSession(document.SessionInfo(
    session_id="run/t0", client_name="python", config=document.TrainingConfig(total_epochs=2, class_names=["a", "b"])))
assert answer.success and answer.server_config.max_image_dimension == 512, answer

requests = queue.Queue()
stream = service.StreamMetrics(iter(requests.get, None))
for i in range(100):
    requests.put(document.MetricsRequest(session_id="run/t0", batch_data=document.BatchData(
        epoch=1, batch_idx=i, batch_loss=1 / (i + 1), predictions=[document.Prediction(predicted_label="a", confidence=0.5)])))
acknowledged, rate = [], None
for response in stream:
    kind = response.WhichOneof("payload")
    if kind == "ack":
        acknowledged.append(response.ack.batch_idx)
        if len(acknowledged) == 100:
            print("ready", flush=True)
    elif kind == "command" and response.command.type == document.CHANGE_LEARNING_RATE:
        rate = float(response.command.parameters["value"])
        requests.put(document.MetricsRequest(session_id="run/t0", epoch_data=document.EpochData(epoch=1, learning_rate=rate)))
    elif kind == "command" and response.command.type == document.STOP_TRAINING:
        requests.put(document.MetricsRequest(session_id="run/t0", status_update=document.StatusUpdate(status=document.COMPLETED)))
        requests.put(None)
    else:
        raise AssertionError(response)
assert acknowledged == list(range(100)), acknowledged
assert rate == 0.125, rate
assert stream.code() == grpc.StatusCode.OK, stream.details()
"""


def test_metrics_go_up_and_commands_come_down(broker, gateway, document, consumer):
    import trainbus

    client = subprocess.Popen([sys.executable, "-c", CLIENT, gateway.address], cwd=document, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True)
    assert client.stdout.readline() == "ready\n", client.communicate()
    with trainbus.Control(broker.address) as control:
        result = control.set("run/t0", "learning_rate", 0.125)[0]
        assert (result.state, result.new_value) == ("applied", "0.125"), result
        assert control.stop("run/t0")[0].state == "applied"
    _, errors = client.communicate(timeout=60)
    assert client.returncode == 0, errors
    batches = read_until(consumer, 100, "batch")
    assert [record.message.batch_idx for record in batches] == list(range(100))
    assert batches[1].message.batch_loss == 0.5 and batches[1].message.predictions[0].predicted_label == "a"
