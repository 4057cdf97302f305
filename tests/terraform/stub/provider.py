"""A stand-in for the AWS provider: serves its schema over Terraform's plugin protocol 6, and refuses what the schema
refuses. Makes nothing: `terraform test` mocks the resources.

Reads schema.json beside the started script. Knows nothing of AWS beyond that file.
"""

import json
import os
import pathlib
import sys
from concurrent import futures

import grpc
import msgpack
import tf.provider
import tf.runner
from tf.gen import grpc_controller_pb2 as controller_pb
from tf.gen import grpc_controller_pb2_grpc as controller_rpc
from tf.gen import grpc_stdio_pb2_grpc as stdio_rpc
from tf.gen import tfplugin_pb2 as pb
from tf.gen import tfplugin_pb2_grpc as rpc

NESTING = {"single": 1, "list": 2, "set": 3, "map": 4}


def schema_of(block):
    return pb.Schema(version=0, block=block_of(block))


def block_of(block):
    attributes = [
        pb.Schema.Attribute(
            name=name, type=json.dumps(attribute["type"]).encode(), required=attribute["required"],
            optional=attribute["optional"], computed=attribute["computed"])
        for name, attribute in block["attributes"].items()
    ]
    blocks = [
        pb.Schema.NestedBlock(
            type_name=name, block=block_of(nested["block"]), nesting=NESTING[nested["nesting"]],
            min_items=nested["min"], max_items=nested["max"])
        for name, nested in block["blocks"].items()
    ]
    return pb.Schema.Block(version=0, attributes=attributes, block_types=blocks)


def decoded(value):
    """A value of Terraform's; what is unknown yet is an extension type, and counts as a value."""
    if value.json:
        return json.loads(value.json)
    return msgpack.unpackb(value.msgpack, ext_hook=lambda code, data: "unknown", strict_map_key=False)


def computed_only(block, value, path=()):
    """The paths of the values that the configuration sets although only AWS may."""
    for name, attribute in block["attributes"].items():
        if attribute["computed"] and not attribute["optional"] and (value or {}).get(name) is not None:
            yield path + (name,)
    for name, nested in block["blocks"].items():
        inner = (value or {}).get(name)
        for item in inner if isinstance(inner, list) else [inner]:
            if isinstance(item, dict):
                yield from computed_only(nested["block"], item, path + (name,))


def complaints(block, config):
    for path in computed_only(block, decoded(config)):
        yield pb.Diagnostic(
            severity=pb.Diagnostic.ERROR, summary="Value for unconfigurable attribute",
            detail="Can't configure a value for \"%s\": AWS decides it." % ".".join(path),
            attribute=pb.AttributePath(steps=[pb.AttributePath.Step(attribute_name=path[0])]))


class Servicer(rpc.ProviderServicer):
    """Answers the calls that `validate` and `test` make."""

    def __init__(self, schema):
        self.schema = schema
        self.answer = self.described()

    def described(self):
        capabilities = pb.ServerCapabilities(plan_destroy=False, get_provider_schema_optional=False)
        return pb.GetProviderSchema.Response(
            provider=schema_of(self.schema["provider"]),
            resource_schemas={name: schema_of(block) for name, block in self.schema["resources"].items()},
            data_source_schemas={name: schema_of(block) for name, block in self.schema["data"].items()},
            server_capabilities=capabilities)

    def GetProviderSchema(self, request, context):
        return self.answer

    def ValidateProviderConfig(self, request, context):
        return pb.ValidateProviderConfig.Response()

    def ValidateResourceConfig(self, request, context):
        found = complaints(self.schema["resources"][request.type_name], request.config)
        return pb.ValidateResourceConfig.Response(diagnostics=list(found))

    def ValidateDataResourceConfig(self, request, context):
        found = complaints(self.schema["data"][request.type_name], request.config)
        return pb.ValidateDataResourceConfig.Response(diagnostics=list(found))

    def UpgradeResourceState(self, request, context):
        return pb.UpgradeResourceState.Response(upgraded_state=pb.DynamicValue(json=request.raw_state.json))

    def ConfigureProvider(self, request, context):
        return pb.ConfigureProvider.Response()

    def StopProvider(self, request, context):
        return pb.StopProvider.Response()


def serve(folder, home):
    """Serves until Terraform ends it."""
    # The library keeps its certificate under the home folder. Not in ours: Terraform has its checksum.
    os.environ["HOME"] = home
    schema = json.loads((pathlib.Path(folder) / "schema.json").read_text())
    tf.provider.ProviderServicer = lambda provider: Servicer(schema)
    tf.runner.run_provider(None)


def stay(folder, socket):
    """Serves many commands of Terraform, until standard input ends: they are told of it by TF_REATTACH_PROVIDERS."""
    schema = json.loads((pathlib.Path(folder) / "schema.json").read_text())
    server = grpc.server(thread_pool=futures.ThreadPoolExecutor(max_workers=8))
    rpc.add_ProviderServicer_to_server(Servicer(schema), server)
    controller_rpc.add_GRPCControllerServicer_to_server(Controller(), server)
    stdio_rpc.add_GRPCStdioServicer_to_server(Stdio(), server)
    server.add_insecure_port(f"unix://{socket}")
    server.start()
    print("ready", flush=True)
    sys.stdin.read()


class Controller(controller_rpc.GRPCControllerServicer):
    """A command that ends does not end the server."""

    def Shutdown(self, request, context):
        return controller_pb.Empty()


class Stdio(stdio_rpc.GRPCStdioServicer):
    """There is nothing to hand on."""

    def StreamStdio(self, request, context):
        return iter(())


if __name__ == "__main__":
    stay(*sys.argv[1:])
