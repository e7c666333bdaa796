"""A protoc plugin that writes Python's gRPC stubs with nothing but `pip install grpcio-tools`.

grpcio-tools has the generator built into its protoc but no plugin of its own that buf could start.
"""

import pathlib
import sys
import tempfile

from google.protobuf import descriptor_pb2
from google.protobuf.compiler import plugin_pb2
from grpc_tools import protoc


def main() -> None:
    request = plugin_pb2.CodeGeneratorRequest.FromString(sys.stdin.buffer.read())
    response = plugin_pb2.CodeGeneratorResponse(
        supported_features=plugin_pb2.CodeGeneratorResponse.FEATURE_PROTO3_OPTIONAL
    )
    with tempfile.TemporaryDirectory() as folder:
        descriptors = pathlib.Path(folder, "descriptors.binpb")
        file_set = descriptor_pb2.FileDescriptorSet(file=request.proto_file)
        descriptors.write_bytes(file_set.SerializeToString())
        output = pathlib.Path(folder, "output")
        output.mkdir()
        arguments = ["protoc", f"--descriptor_set_in={descriptors}", f"--grpc_python_out={output}"]
        if protoc.main([*arguments, *request.file_to_generate]) != 0:
            response.error = "grpc_tools.protoc failed; its message stands above"
        for path in sorted(output.rglob("*.py")):
            name = path.relative_to(output).as_posix()
            response.file.add(name=name, content=path.read_text())
    sys.stdout.buffer.write(response.SerializeToString())


main()
