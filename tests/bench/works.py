"""The work that is compared: what is prepared once on each side, what is measured in each round."""

from dataclasses import dataclass


@dataclass
class Work:
    name: str
    title: str
    measure: list  # arguments of packhouse-load
    prepare: list = None  # arguments that push what is measured; its journal is what is pulled
    unit: str = "operations/s"  # or MB/s, of the time within operations
    wanted: float = None  # against docker-registry, one replica
    wanted3: float = None  # the same, three replicas


def all_works(seconds, big, huge):
    """seconds: of each run of small operations; big, huge: sizes of the large blobs in MiB."""
    each = ["--seconds", str(seconds)]
    return [
        Work("push-256m", f"push {big} MiB blobs, 1 connection",
             ["push-blob", "--size", f"{big}MiB", "--count", "4"], unit="MB/s", wanted=1.5, wanted3=0.7),
        Work("push-4k", "push 4 KiB blobs, 8 connections",
             ["push-blob", "--size", "4KiB", "--connections", "8", *each], wanted=5),
        Work("push-4k-1", "push 4 KiB blobs, 1 connection",
             ["push-blob", "--size", "4KiB", "--connections", "1", *each]),
        Work("push-4k-put", "push 4 KiB blobs without PATCH, 8 connections",
             ["push-blob", "--push", "put", "--size", "4KiB", "--connections", "8", *each]),
        Work("put-manifest", "PUT manifest, 8 connections",
             ["put-manifest", "--layers", "3", "--connections", "8", *each], wanted=3),
        Work("put-manifest-1", "PUT manifest, 1 connection",
             ["put-manifest", "--layers", "3", "--connections", "1", *each]),
        Work("get-manifest", "GET manifest by tag, 16 connections",
             ["get-manifest", "--connections", "16", *each],
             ["put-manifest", "--layers", "3", "--connections", "8", "--count", "200"], wanted=4),
        Work("get-16k", "GET 16 KiB blob, 16 connections",
             ["pull-blob", "--connections", "16", *each],
             ["push-blob", "--size", "16KiB", "--connections", "8", "--count", "200"], wanted=5),
        Work("get-1g", f"GET {huge} MiB blob, 1 connection",
             ["pull-blob", "--check", "bytes", "--count", "3"],
             ["push-blob", "--size", f"{huge}MiB", "--count", "1"], unit="MB/s", wanted=0.4),
        Work("push-image", "push images of 3 layers 16 KiB to 4 MiB, 4 connections",
             ["push-image", "--layers", "3", "--size", "16KiB-4MiB", "--connections", "4", *each]),
        Work("pull-image", "pull those images, 4 connections",
             ["pull-image", "--connections", "4", *each],
             ["push-image", "--layers", "3", "--size", "16KiB-4MiB", "--connections", "4", "--count", "40"]),
    ]
