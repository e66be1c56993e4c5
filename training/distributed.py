"""The processes of a training run that torchrun starts, one a GPU or a CPU core; without it there is one."""

import os
from typing import Any

import torch
import torch.distributed as dist


def rank() -> int:
    return dist.get_rank() if dist.is_initialized() else 0


def gather(item: tuple[int, int]) -> list[tuple[int, int]]:
    """The items of all processes by rank."""
    items: list[Any] = [item] * processes()
    if dist.is_initialized():
        dist.all_gather_object(items, item)
    return items


def is_first() -> bool:
    return rank() == 0


def processes() -> int:
    return dist.get_world_size() if dist.is_initialized() else 1


def join() -> torch.device:
    """Join the processes that torchrun started, if it did; the device of this one."""
    cuda = torch.cuda.is_available()
    if "RANK" in os.environ:
        dist.init_process_group("nccl" if cuda else "gloo")
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0))) if cuda else torch.device("cpu")


def leave() -> None:
    """Wait for the others: a process that leaves while another still talks to it can abort."""
    if dist.is_initialized():
        dist.barrier()
        dist.destroy_process_group()
