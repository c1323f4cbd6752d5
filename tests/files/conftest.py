"""An S3 server on the loopback interface: moto's, in a thread."""

import logging
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from patience import PATIENCE

from rcnn import files
from rcnn.files import remote

KEYS = {"AWS_ACCESS_KEY_ID": "somebody", "AWS_SECRET_ACCESS_KEY": "a-secret", "AWS_EC2_METADATA_DISABLED": "true"}


@dataclass
class S3:
    """A server, what reaches it, and the bucket of one test.

    requests : `METHOD PATH` of every request
    fails : status with which requests whose path holds a text are answered
    """

    endpoint: str
    bucket: str = ""
    requests: list[str] = field(default_factory=list)
    fails: dict[str, int] = field(default_factory=dict)

    def url(self, *names: str) -> str:
        return "/".join([f"s3://{self.bucket}", *names])

    def upload(self, folder: Path, key: str) -> str:
        """The URL of a copy of a directory."""
        for file in sorted(path for path in folder.rglob("*") if path.is_file()):
            files.put(self.url(key, str(file.relative_to(folder))), file.read_bytes())
        return self.url(key)


@pytest.fixture(scope="session")
def server() -> Iterator[S3]:
    pytest.importorskip("moto.server", reason="moto[server] of requirements-dev.txt is not installed")
    from moto.server import DomainDispatcherApplication, ThreadedMotoServer, create_backend_app
    from werkzeug.serving import make_server

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    state = S3("")

    class Watched(ThreadedMotoServer):
        def _server_entry(self) -> None:
            app = DomainDispatcherApplication(create_backend_app)

            def watched(environ, start_response):
                path = environ["PATH_INFO"]
                state.requests.append(f"{environ['REQUEST_METHOD']} {path}?{environ['QUERY_STRING']}")
                status = next((code for text, code in state.fails.items() if text in path), None)
                if status is None:
                    return app(environ, start_response)
                start_response(f"{status} Out of order", [("Content-Length", "0")])
                return [b""]

            self._server = make_server(self._ip_address, self._port, watched, True)
            self._server_ready_event.set()
            self._server.serve_forever()

    running = Watched(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    state.endpoint = f"http://{host}:{port}"
    yield state
    running.stop()


@pytest.fixture(autouse=True)
def patient(monkeypatch) -> None:
    """Stores of this machine answer late where it is busy; a test of one that hangs sets these anew."""
    for name in ("CONNECT_SECONDS", "SILENT_SECONDS", "GCS_SECONDS"):
        monkeypatch.setattr(remote, name, PATIENCE)


@pytest.fixture
def s3(server, monkeypatch, request) -> Iterator[S3]:
    """The server with an empty bucket, found by AWS_ENDPOINT_URL, also by processes that a test starts."""
    import boto3

    for name, value in {**KEYS, "AWS_ENDPOINT_URL": server.endpoint}.items():
        monkeypatch.setenv(name, value)
    remote.file_system.cache_clear()
    client = boto3.client("s3", region_name="us-east-1")
    server.bucket = f"bucket-{abs(hash(request.node.nodeid))}"
    client.create_bucket(Bucket=server.bucket)
    server.requests.clear()
    yield server
    server.fails.clear()
    remote.file_system.cache_clear()


@pytest.fixture
def dead_port() -> int:
    """A port at which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


GS_SERVER = """
import sys, time
from gcp_storage_emulator.server import create_server
create_server("127.0.0.1", int(sys.argv[1]), in_memory=True, default_bucket="bucket-x").start()
print("ready", flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="session")
def gs_server() -> Iterator[str]:
    """A GCS emulator in a process of its own."""
    pytest.importorskip("gcp_storage_emulator", reason="gcp-storage-emulator of requirements-dev.txt is not installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-c", GS_SERVER, str(port)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, **pipes) as process:
        assert process.stdout.readline() == b"ready\n"
        yield f"127.0.0.1:{port}"
        process.kill()


@pytest.fixture
def gs(gs_server, request) -> str:
    """URL of an empty place in a bucket of a GCS emulator."""
    place = abs(hash(request.node.nodeid))
    return f"gs://bucket-x/{place}?anonymous=1&scheme=http&endpoint_override={gs_server}"
