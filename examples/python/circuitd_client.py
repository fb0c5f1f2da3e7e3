"""What the examples share: the stubs of circuitd's proto, a connection, and tensors out of streams.

Importing this makes the package circuitd.v1 importable: its modules are generated from ../../proto with grpcio-tools,
once, into the user's cache folder.
"""

import argparse
import hashlib
import importlib.metadata
import importlib.resources
import os
import pathlib
import sys
import tempfile

import grpc
import numpy
from grpc_tools import protoc

PROTO = pathlib.Path(__file__).resolve().parents[2] / "proto"


def _generate_stubs():
    """The folder of the generated modules, named by what they were made of and with."""
    sources = sorted(PROTO.glob("circuitd/v1/*.proto"))
    digest = hashlib.sha256(importlib.metadata.version("grpcio-tools").encode())
    for source in sources:
        digest.update(source.name.encode() + b"\0" + source.read_bytes() + b"\0")
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "circuitd"
    folder = cache / f"python-stubs-{digest.hexdigest()[:16]}"
    if folder.exists():
        return folder
    cache.mkdir(parents=True, exist_ok=True)
    # Renamed when it is complete, so that a script that starts meanwhile never sees half of it.
    with tempfile.TemporaryDirectory(dir=cache) as temporary:
        made = pathlib.Path(temporary) / "stubs"
        made.mkdir()
        well_known = importlib.resources.files("grpc_tools") / "_proto"
        status = protoc.main(["protoc", f"-I{PROTO}", f"-I{well_known}", f"--python_out={made}",
                              f"--grpc_python_out={made}", *map(str, sources)])
        if status != 0:
            raise SystemExit(f"the stubs of {PROTO} can't be generated")
        try:
            made.rename(folder)
        except OSError:
            if not folder.exists():  # else another script was faster
                raise
    return folder


sys.path.insert(0, str(_generate_stubs()))
from circuitd.v1 import circuit_pb2, prompt_pb2, tensor_pb2  # noqa: E402

_DTYPES = {tensor_pb2.DATA_TYPE_FLOAT32: "<f4", tensor_pb2.DATA_TYPE_FLOAT16: "<f2",
           tensor_pb2.DATA_TYPE_INT64: "<i8"}


def arguments(description, prompts_of_task=True):
    """A parser of what all examples take; more is added by the caller."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", default=os.environ.get("CIRCUITD_SERVER", "127.0.0.1:50051"), metavar="HOST:PORT")
    parser.add_argument("--model", required=True)
    if prompts_of_task:
        parser.add_argument("--task", default="numerals", help="whose prompts are generated (%(default)s)")
        parser.add_argument("--num-samples", type=int, default=4, help="of each variant of the task (%(default)s)")
        parser.add_argument("--seed", type=int, default=0)
    return parser


def task_prompts(options):
    """The prompts that the options of `arguments` ask for."""
    task = prompt_pb2.GeneratedTask(task=options.task, seed=options.seed)
    return prompt_pb2.PromptSource(task=task, num_samples=options.num_samples)


def text_prompts(texts):
    return [prompt_pb2.Prompt(text=text.encode()) for text in texts]


def token_prompt(tokens, roles=None):
    """Of circuitd.v1.Token messages."""
    return prompt_pb2.Prompt(tokens=prompt_pb2.TokenIds(ids=[token.id for token in tokens]), roles=roles)


def token_text(token):
    return token.text.decode(errors="replace") or f"id {token.id}"


def to_array(data_type, shape, data):
    if data_type == tensor_pb2.DATA_TYPE_BFLOAT16:  # which numpy lacks: the upper half of a float32
        array = (numpy.frombuffer(data, "<u2").astype("<u4") << 16).view("<f4")
    else:
        array = numpy.frombuffer(data, _DTYPES[data_type])
    return array.reshape(shape)


def to_tensor(array):
    array = numpy.asarray(array, "<f4")
    return tensor_pb2.Tensor(data_type=tensor_pb2.DATA_TYPE_FLOAT32, shape=array.shape, data=array.tobytes())


def collect(responses):
    """The summary and the tensors, by name, of a stream of summary, chunks and perhaps progress."""
    summary, described, pieces = None, {}, {}
    for response in responses:
        kind = response.WhichOneof("payload")
        if kind == "summary":
            summary = response.summary
        elif kind == "chunk":
            described[response.chunk.name] = (response.chunk.data_type, response.chunk.shape)
            pieces.setdefault(response.chunk.name, []).append(response.chunk.data)
    tensors = {name: to_array(*described[name], b"".join(chunks)) for name, chunks in pieces.items()}
    return summary, tensors


def node_name(node):
    """A7.11, A7.11.q, M9, embed, logits."""
    if node.kind == circuit_pb2.NODE_KIND_ATTENTION_HEAD:
        inputs = {circuit_pb2.HEAD_INPUT_Q: ".q", circuit_pb2.HEAD_INPUT_K: ".k", circuit_pb2.HEAD_INPUT_V: ".v"}
        return f"A{node.layer}.{node.head}{inputs.get(node.input, '')}"
    return {circuit_pb2.NODE_KIND_MLP: f"M{node.layer}", circuit_pb2.NODE_KIND_EMBED: "embed",
            circuit_pb2.NODE_KIND_LOGITS: "logits"}[node.kind]


def run(main, options):
    """main(options, channel), with the server's refusals as messages."""
    with grpc.insecure_channel(options.server) as channel:
        try:
            main(options, channel)
        except grpc.RpcError as error:
            sys.exit(f"{error.code().name}: {error.details()}")
