"""Makes reference.h: an event file as the tensorboard package writes it.

    python3 reference.py > reference.h
"""
import glob
import os
import tempfile

import tensorboard
from tensorboard.compat.proto import event_pb2, summary_pb2
from tensorboard.summary.writer.record_writer import RecordWriter

NUMBERS = [  # tag, step, wall time, value
    ("network/loss", 0, 1700000000.5, 2.302585092994046),
    ("network/loss", 1, 1700000001.25, 0.0),
    ("network/validation_loss", 300, 1700000002.0, -1.5e-12),
    ("network/accuracy", 5000000000, 1700000003.0, float("nan")),
]

with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "events")
    with open(path, "wb") as file:
        writer = RecordWriter(file)
        version = event_pb2.Event(wall_time=1700000000.0, file_version="brain.Event:2")
        writer.write(version.SerializeToString())
        for tag, step, wall_time, value in NUMBERS:
            summary = summary_pb2.Summary(
                value=[summary_pb2.Summary.Value(tag=tag, simple_value=value)])
            event = event_pb2.Event(wall_time=wall_time, step=step, summary=summary)
            writer.write(event.SerializeToString())
        writer.flush()
    content = open(path, "rb").read()

print(f"/* reference.h: made by reference.py with tensorboard {tensorboard.__version__}. */")
print("// clang-format off\nstatic const struct {\n    const char *name;\n    int64_t step;")
print("    double wall_time;\n    double value;\n} numbers[] = {")
for tag, step, wall_time, value in NUMBERS:
    print(f'    {{"{tag}", {step}, {wall_time!r}, {"NAN" if value != value else repr(value)}}},')
print("};\n\nstatic const unsigned char reference[] = {")
for i in range(0, len(content), 16):
    print("    " + " ".join(f"0x{b:02x}," for b in content[i:i + 16]))
print("};\n// clang-format on")
