"""torch, onnx, protobuf and the bus in one process, whichever is loaded first."""

import itertools
import subprocess
import sys

import pytest

PARTS = {
    "trainbus": "import trainbus; bus = trainbus.Producer('run', 't0'); bus.start()",
    "torch": "import torch; torch.nn.Linear(2, 2)(torch.ones(1, 2)).sum().backward()",
    "onnx": "import onnx; onnx.helper.make_node('Add', ['a', 'b'], ['c']).SerializeToString()",
    "protobuf": "from google.protobuf import struct_pb2; struct_pb2.Struct().update({'a': 1})",
}


@pytest.mark.parametrize("order", [*itertools.permutations(["trainbus", "torch", "onnx"]),
                                   ("protobuf", "trainbus", "onnx"), ("trainbus", "protobuf", "torch")],
                         ids="-".join)
def test_they_live_together(broker, order, records):
    code = "\n".join(PARTS[part] for part in order)
    code += "\nbus.log({'x': 1.0}); consumer = trainbus.Consumer(); consumer.close(); assert bus.finish('completed', timeout=30)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stderr[-4000:]
    assert [record.values["x"] for record in records("scalars")] == [1.0]
