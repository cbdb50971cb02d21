#!/usr/bin/env python3
"""How long from start to first answer, and how much memory does an idle server take? Printed, not asserted.

usage: start.py PROGRAM [STARTS]

Standard library only. The server listens on a free port of the loopback interface and keeps its data in memory.
"""
import http.client, os, pathlib, socket, statistics, subprocess, sys, time


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def is_well(port):
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
        connection.request("GET", "/api/health")
        return connection.getresponse().status == 200
    except OSError:
        return False


def start(program):
    """Starts a server; the milliseconds until it answers, and the process."""
    port = free_port()
    environment = {"PATH": os.environ.get("PATH", ""), "CIVITAI_MOCK_LISTEN": f"127.0.0.1:{port}", "CIVITAI_MOCK_MCP_LISTEN": "none"}
    began = time.perf_counter()
    server = subprocess.Popen([program], env=environment, stdout=subprocess.DEVNULL)
    while not is_well(port):
        if time.perf_counter() - began > 10 or server.poll() is not None:
            server.kill()
            sys.exit(f"{program} does not answer")
        time.sleep(0.0005)
    return (time.perf_counter() - began) * 1000, server


def resident_megabytes(server):
    status = pathlib.Path(f"/proc/{server.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def main():
    program = str(pathlib.Path(sys.argv[1]).resolve())
    starts = int(sys.argv[2]) if len(sys.argv) > 2 else 21
    times, memory = [], []
    for _ in range(starts):
        milliseconds, server = start(program)
        time.sleep(0.2)
        times.append(milliseconds)
        memory.append(resident_megabytes(server))
        server.terminate()
        server.wait(5)
    print(f"start to first answer: median {statistics.median(times):.1f} ms, slowest {max(times):.1f} ms, {starts} starts (aim: 50 ms)")
    print(f"resident memory, idle: median {statistics.median(memory):.1f} MB, most {max(memory):.1f} MB (aim: 25 MB)")


if __name__ == "__main__":
    main()
