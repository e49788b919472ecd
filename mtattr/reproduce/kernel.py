"""A Jupyter kernel over IPC sockets (no TCP ports) that uses the current interpreter."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile

from jupyter_client.manager import AsyncKernelManager


class LocalKernelManager(AsyncKernelManager):
    """Starts `ipykernel` of the running interpreter over IPC sockets in a short temporary folder.

    Another kernel can take a port between choosing and binding it, and a kernelspec of the user may
    name another environment's Python; neither can happen here. Windows has no such sockets: ports.
    """

    def __init__(self, **kwargs) -> None:
        # A socket's path may have 107 bytes, which a long TMPDIR exceeds.
        short = len(tempfile.gettempdir()) < 60
        self._folder = tempfile.mkdtemp(prefix="mtattr-", dir=None if short else "/tmp")
        kwargs["connection_file"] = os.path.join(self._folder, "kernel.json")
        if os.name == "posix":
            kwargs |= {"transport": "ipc", "ip": os.path.join(self._folder, "k")}
        super().__init__(**kwargs)

    def format_kernel_cmd(self, extra_arguments: list[str] | None = None) -> list[str]:
        """The kernel's command line."""
        command = [sys.executable, "-m", "ipykernel_launcher", "-f", self.connection_file]
        return command + (extra_arguments or [])

    async def _async_cleanup_resources(self, restart: bool = False) -> None:
        await super()._async_cleanup_resources(restart=restart)
        if not restart:
            shutil.rmtree(self._folder, ignore_errors=True)

    cleanup_resources = _async_cleanup_resources
