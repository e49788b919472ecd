"""A kernel that talks over files, not over ports, and that runs on this very interpreter."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile

from jupyter_client.manager import AsyncKernelManager


class LocalKernelManager(AsyncKernelManager):
    """Starts `ipykernel` of the running interpreter over IPC sockets in a short temporary folder.

    Ports can be taken by another kernel between choosing and binding them, and a kernelspec of the user may point to
    another environment's Python; neither can happen here. Where there are no Unix sockets (Windows), ports are used.
    """

    #: Descriptor that the kernel inherits, so that a lock is held until the kernel, too, is gone.
    lock: int | None = None

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
        return [
            sys.executable,
            "-m",
            "ipykernel_launcher",
            "-f",
            self.connection_file,
            *(extra_arguments or []),
        ]

    async def _async_launch_kernel(self, kernel_cmd: list[str], **kwargs) -> None:
        if self.lock is not None:
            kwargs["pass_fds"] = (self.lock,)
        await super()._async_launch_kernel(kernel_cmd, **kwargs)

    async def _async_cleanup_resources(self, restart: bool = False) -> None:
        await super()._async_cleanup_resources(restart=restart)
        if not restart:
            shutil.rmtree(self._folder, ignore_errors=True)

    cleanup_resources = _async_cleanup_resources
