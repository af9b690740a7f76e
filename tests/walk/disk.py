# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""A small ext4 on a loop device, whose power can be cut.

The device writes straight into its image, so the image is at any moment what a disk would have
had. A cut takes a copy of it while the file system is mounted, with all that the kernel has not
written yet missing, and mounts the copy, which replays the journal. Mounts are made in a mount
namespace of their own, so that none outlives its worker.
"""

import ctypes
import errno
import fcntl
import os
import shutil
import struct
import subprocess

IMAGE_BYTES = 40 << 20
CLONE_NEWNS = 0x00020000
MS_REC, MS_PRIVATE, MNT_DETACH = 16384, 1 << 18, 2
LOOP_CTL_GET_FREE, LOOP_CONFIGURE = 0x4C82, 0x4C0A  # the second since Linux 5.8
LO_FLAGS_AUTOCLEAR, LOOP_CONFIG_BYTES, LOOP_TRIES = 4, 304, 50
libc = ctypes.CDLL(None, use_errno=True)


def call(*command):
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise OSError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout.strip()


def why_not(directory):
    """Why power cannot be cut here, or None."""
    if os.geteuid() != 0:
        return "only root may mount"
    pid = os.fork()
    if pid == 0:  # in its own namespace, which ends with it
        status = 1
        try:
            disk = Disk(os.path.join(directory, "trial"))
            disk.begin()
            disk.close()
            status = 0
        except OSError as error:
            with open(os.path.join(directory, "why"), "w") as f:
                f.write(str(error))
        os._exit(status)
    if os.waitpid(pid, 0)[1] == 0:
        return None
    with open(os.path.join(directory, "why")) as f:
        return f.read()


class Disk:
    """Of one worker; used for many worlds."""

    def __init__(self, directory):
        os.makedirs(directory)
        self.directory, self.number = directory, 0
        self.mount = os.path.join(directory, "mount")
        self.image = self.device = None
        self.worlds = self.cuts = 0
        os.mkdir(self.mount)
        if libc.unshare(CLONE_NEWNS) != 0:
            raise OSError(ctypes.get_errno(), "no mount namespace")
        libc.mount(None, b"/", None, MS_REC | MS_PRIVATE, None)

    def begin(self):
        """An empty directory for a world."""
        self.worlds += 1
        if self.image is None or self.worlds % 40 == 0:
            self._make()
        root = os.path.join(self.mount, f"world{self.worlds}")
        os.mkdir(root)
        fd = os.open(self.mount, os.O_RDONLY)
        os.fsync(fd)
        os.close(fd)
        return root

    def end(self):
        for name in os.listdir(self.mount):
            if name != "lost+found":
                path = os.path.join(self.mount, name)
                shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)

    def close(self):
        if self.device:
            if libc.umount2(self.mount.encode(), 0) != 0:
                libc.umount2(self.mount.encode(), MNT_DETACH)
            os.unlink(self.image)
            self.device = self.image = None

    def cut(self, rng):
        """What is on the disk now is what the next run finds; in words what that was."""
        how = rng.choice(("at once", "at once", "behind a commit"))
        if how == "behind a commit":
            with open(os.path.join(self.mount, "bystander"), "w") as f:
                f.write("x")
                os.fsync(f.fileno())
        copy = self._next_image()
        for _ in range(20):
            before = self._writes()
            shutil.copyfile(self.image, copy)
            if before[1] == "0" and self._writes() == before:
                break
        else:
            raise OSError("the image does not come to rest")
        self.close()
        self._attach(copy)
        self.cuts += 1
        return how

    def _writes(self):
        """How many writes the device has done, and how many it is at."""
        with open(f"/sys/block/{os.path.basename(self.device)}/stat") as f:
            fields = f.read().split()
        return fields[4], fields[8]

    def _next_image(self):
        self.number += 1
        return os.path.join(self.directory, f"image{self.number}")

    def _make(self):
        self.close()
        image = self._next_image()
        with open(image, "wb") as f:
            f.truncate(IMAGE_BYTES)
        features = "^resize_inode,^metadata_csum_seed"
        call("mkfs.ext4", "-q", "-F", "-m", "0", "-J", "size=4", "-O", features,
             "-E", "lazy_itable_init=0,lazy_journal_init=0,nodiscard", image)
        self._attach(image)

    def _attach(self, image):
        fd, self.device = loop_device(image)
        self.image = image
        try:
            if libc.mount(self.device.encode(), self.mount.encode(), b"ext4", 0, None) != 0:
                self.device = None
                raise OSError(ctypes.get_errno(), f"cannot mount {image}")
        finally:
            os.close(fd)


def loop_device(image):
    """A descriptor and a name. The device goes with the last descriptor or mount, whatever becomes
    of this process."""
    control, file = os.open("/dev/loop-control", os.O_RDWR), os.open(image, os.O_RDWR)
    try:
        for _ in range(LOOP_TRIES):
            name = f"/dev/loop{fcntl.ioctl(control, LOOP_CTL_GET_FREE)}"
            device = os.open(name, os.O_RDWR)
            config = struct.pack("=II52xI", file, 0, LO_FLAGS_AUTOCLEAR)
            try:
                fcntl.ioctl(device, LOOP_CONFIGURE, config.ljust(LOOP_CONFIG_BYTES, b"\0"))
                return device, name
            except OSError as error:
                os.close(device)
                if error.errno != errno.EBUSY:  # another worker was faster
                    raise
        raise OSError("no loop device is free")
    finally:
        os.close(control)
        os.close(file)
