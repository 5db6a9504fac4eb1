"""What happens between two steps of somebody else: each test holds one process in the middle of what it does."""

import contextlib
import hashlib
import shutil
import threading

import pytest
import requests

from harness.failpoints import UNKNOWN_OUTCOME
from harness.registry import Registry, digest_of, ok, random_bytes
from harness.whole import assert_clean, number, wait_for, wait_for_copies, wait_until_whole

DAEMONS = ("storage-1", "storage-2", "storage-3")
MIB = 1 << 20


class Call(threading.Thread):
    """One request of a client of its own, while the test does something else."""

    def __init__(self, user, gateway, method, path, **options):
        super().__init__(name=f"{method} {path}")
        self.registry = Registry(user.cluster.url(gateway), user.login, user.token)
        self.wanted = (method, path, options)
        self.answer = None
        self.start()

    def run(self):
        method, path, options = self.wanted
        try:
            self.answer = self.registry.call(method, path, **options)
        except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError):
            pass  # broken off: nobody was told

    def result(self):
        self.join(300)
        return self.answer


def partition_of(data):
    return int.from_bytes(hashlib.sha256(data).digest()[:2], "big") >> 2


def make_due(cluster, *parts):
    cluster.query("SELECT partitions_due(%s::smallint[], 0, true)", list(parts))


def put(user, place, data, gateway=1):
    return Call(user, gateway, "PUT", f"{place}{'&' if '?' in place else '?'}digest={digest_of(data)}", data=data)


def forget(cluster):
    """Whatever is not in a manifest may be collected now."""
    cluster.query("UPDATE package_blob SET protect_until = now(), review_at = now() RETURNING 1")


@pytest.mark.parametrize("point", ["keeper.reconcile.listed", "storage.list.read by storage-1"])
def test_a_push_between_the_lists_and_the_rows_is_no_garbage(cluster, user, points, point):
    """Whoever read the rows first would delete what was pushed before the lists came, or before the last of them."""
    data, name = random_bytes(200_000), f"{user.login}/between"
    point, _, process = point.partition(" by ")
    wait_until_whole(cluster)
    with points.pause(point, by=process):
        make_due(cluster, partition_of(data))
        points.wait(point)
        user.registry().push_blob(name, data)
    wait_until_whole(cluster)
    assert ok(user.registry().blob(name, digest_of(data)), 200).content == data
    wait_for_copies(cluster, *DAEMONS)


def test_a_commit_between_the_lists_and_the_rows_is_no_garbage(cluster, user, points):
    """Its gen goes from the uploads to the blobs meanwhile: one statement sees it in one of them."""
    data, name = random_bytes(200_000), f"{user.login}/commits"
    place = user.registry().start_upload(name)
    with points.pause("gateway.commit.before"):
        call = put(user, place, data)
        points.wait("gateway.commit.before")
        with points.pause("keeper.reconcile.listed"):
            make_due(cluster, partition_of(data))
            points.wait("keeper.reconcile.listed")
            points.release("gateway.commit.before")
            assert call.result().status_code == 201
    wait_until_whole(cluster)
    assert ok(user.registry().blob(name, digest_of(data)), 200).content == data


def test_bytes_of_an_open_upload_are_no_garbage(cluster, user, points):
    data, name = random_bytes(200_000), f"{user.login}/open"
    place = user.registry().start_upload(name)
    with points.pause("gateway.commit.before"):
        call = put(user, place, data)
        points.wait("gateway.commit.before")
        make_due(cluster, partition_of(data))
        wait_until_whole(cluster)
    assert call.result().status_code == 201
    assert ok(user.registry().blob(name, digest_of(data)), 200).content == data


def test_no_foreign_chunk_under_a_right_digest(cluster, user, points):
    """One gateway has stored two chunks for an upload that another one has brought on before they get their rows.

    The second one is as long as the chunk that comes in its place.
    """
    data, name = random_bytes(5 * MIB), f"{user.login}/foreign"
    place = user.registry(2).start_upload(name)
    with points.pause("gateway.append.before", by="gateway-1"):
        late = Call(user, 1, "PATCH", place, data=random_bytes(5 * MIB))
        points.wait("gateway.append.before")
        ok(user.registry(2).call("PATCH", place, data=data[:4 * MIB]), 202)
    assert late.result().status_code == 416
    assert late.answer.headers["Range"] == f"0-{4 * MIB - 1}"
    ok(user.registry(2).finish_upload(place, data[4 * MIB:], digest_of(data)), 201)
    assert ok(user.registry(1).blob(name, digest_of(data)), 200).content == data


def test_the_third_copy_is_owed_from_the_commit_on(cluster, user, points):
    """Two of three have acknowledged; the gateway dies right after its commit, the third daemon with its bytes."""
    data, name = random_bytes(200_000), f"{user.login}/third"
    wait_until_whole(cluster)
    place = user.registry().start_upload(name)
    with points.pause("storage.batch.before", by="storage-3"):
        points.set("gateway.commit.done", "crash once")
        call = put(user, place, data)
        points.wait("gateway.commit.done")
        cluster.kill("storage-3")
    assert call.result() is None
    node = number(cluster, "SELECT id FROM node WHERE name = 'storage-3' AND retired_at IS NULL")
    assert number(cluster, "SELECT count(*) FROM partition_owes WHERE part = %s AND node = %s AND urgent",
                  partition_of(data), node) == 1
    points.release("gateway.commit.done")
    cluster.up()
    wait_until_whole(cluster)
    wait_for_copies(cluster, *DAEMONS)
    assert ok(user.registry(2).blob(name, digest_of(data)), 200).content == data


def test_a_commit_whose_answer_is_lost_can_be_repeated(cluster, user, points):
    data, name = random_bytes(100_000), f"{user.login}/unknown"
    place = user.registry().start_upload(name)
    points.set("gateway.commit.done", f"error {UNKNOWN_OUTCOME} once")
    answer = user.registry().finish_upload(place, data, digest_of(data))
    points.release("gateway.commit.done")
    assert answer.status_code == 503 and answer.headers["Retry-After"]
    ok(user.registry(2).finish_upload(place, data, digest_of(data)), 201)
    assert ok(user.registry().blob(name, digest_of(data)), 200).content == data


@contextlib.contextmanager
def standby_that_never_answers(cluster):
    """Commits are done here, and then wait for it."""
    waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
    connection, over = cluster.database(), threading.Event()

    def configure(change):
        with contextlib.closing(cluster.database(superuser=True)) as other, other.cursor() as cursor:
            cursor.execute(f"ALTER SYSTEM {change}")
            cursor.execute("SELECT pg_reload_conf()")

    def write():
        with connection.cursor() as cursor:
            while not over.is_set():
                cursor.execute("SELECT pg_logical_emit_message(true, '', '')")

    writer = threading.Thread(target=write)
    configure("SET synchronous_standby_names = 'nobody'")
    try:
        writer.start()
        wait_for("no commit waits for a standby", lambda: number(cluster, waits) > 0)
        over.set()
        yield
    finally:
        over.set()
        configure("RESET synchronous_standby_names")
        writer.join()
        connection.close()


@pytest.mark.parametrize("end", ["pg_cancel_backend", "pg_terminate_backend"])
def test_a_commit_that_ends_while_it_waits_for_its_standby(cluster, user, end):
    """It is done, and its wait ends: with a warning beside the success, or with the connection, without an answer."""
    data, name = random_bytes(100_000), f"{user.login}/{end}"
    place = user.registry().start_upload(name)
    with standby_that_never_answers(cluster):
        call = put(user, place, data)
        wait_for("no commit waits for the standby", lambda: number(
            cluster, f"SELECT count({end}(pid)) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
            " AND query LIKE '%%upload_commit%%'") == 1)
        assert call.result().status_code == 503 and call.answer.headers["Retry-After"]
    assert number(cluster, "SELECT count(*) FROM blob WHERE digest = %s", hashlib.sha256(data).digest()) == 1
    ok(user.registry(2).finish_upload(place, data, digest_of(data)), 201)
    assert ok(user.registry().blob(name, digest_of(data)), 200).content == data


def test_bytes_that_were_never_recorded_go_though_their_gen_lives(cluster, user, points):
    """A gateway dies with durable chunks that have no rows; the client cuts the rest differently."""
    data, name = random_bytes(300_000), f"{user.login}/leak"
    place = user.registry(2).start_upload(name)
    points.set("gateway.append.before", "crash once by gateway-1")
    assert Call(user, 1, "PATCH", place, data=data[:250_000]).result() is None
    points.release("gateway.append.before")
    ok(user.registry(2).finish_upload(place, data, digest_of(data)), 201)
    wait_until_whole(cluster)
    make_due(cluster, partition_of(data[:250_000]))
    wait_for_copies(cluster, *DAEMONS)
    assert ok(user.registry(2).blob(name, digest_of(data)), 200).content == data


def test_a_reader_overtaken_by_a_deletion_raises_no_alarm(cluster, user, points):
    data, name = random_bytes(100_000), f"{user.login}/overtaken"
    user.registry().push_blob(name, data)
    before = cluster.log("gateway-1").count("blob unreadable")
    with points.pause("gateway.read.row"):
        call = Call(user, 1, "GET", f"/v2/{name}/blobs/{digest_of(data)}")
        points.wait("gateway.read.row")
        forget(cluster)
        wait_for("the blob is not purged", lambda: number(
            cluster, "SELECT count(*) FROM chunk WHERE digest = %s", hashlib.sha256(data).digest()) == 0)
    assert call.result().status_code == 404
    assert cluster.log("gateway-1").count("blob unreadable") == before


def test_a_purged_copy_that_was_being_pulled_does_not_stay(cluster, user, points):
    """The order to pull is on its way while the chunk is deleted everywhere: the copy made from it goes again.

    Whoever ordered it is the only one who can know: nobody else compares any more.
    """
    data, name = random_bytes(150_000), f"{user.login}/pulled"
    cluster.kill("storage-2")
    user.registry().push_blob(name, data)
    with points.pause("storage.pull.fetched", by="storage-2"):
        cluster.up()
        points.wait("storage.pull.fetched")
        wait_for("others compare, too", lambda: number(
            cluster, "SELECT (SELECT count(DISTINCT not_before) FROM partition_owes) + (SELECT count(*) FROM node"
            " WHERE retired_at IS NULL AND incarnation <> compared_incarnation)") == 1)
        forget(cluster)
        wait_for("the blob is not purged", lambda: number(
            cluster, "SELECT count(*) FROM chunk WHERE digest = %s", hashlib.sha256(data).digest()) == 0)
    wait_until_whole(cluster)
    wait_for_copies(cluster, *DAEMONS)


def test_a_node_that_comes_back_spreads_no_dead_data(cluster, user, points):
    data = random_bytes(150_000)
    user.registry().push_blob(f"{user.login}/dead", data)
    wait_until_whole(cluster)
    cluster.kill("storage-1")
    points.set("storage.pull.begun", "mark")
    forget(cluster)
    wait_for("the blob is not purged", lambda: number(
        cluster, "SELECT count(*) FROM chunk WHERE digest = %s", hashlib.sha256(data).digest()) == 0)
    cluster.up()
    wait_until_whole(cluster)
    wait_for_copies(cluster, *DAEMONS)
    assert not points.is_reached("storage.pull.begun")
    points.release("storage.pull.begun")


def test_an_epoch_that_comes_between_a_chunk_and_its_commit(cluster, user, points):
    """The chunk lies on the old members; one of them is replaced by an empty disk before the blob is committed."""
    data, name = random_bytes(200_000), f"{user.login}/epoch"
    wait_until_whole(cluster)
    place = user.registry(2).start_upload(name)
    epoch = number(cluster, "SELECT max(epoch) FROM cluster_map")
    with points.pause("gateway.commit.before"):
        call = put(user, place, data, gateway=2)
        points.wait("gateway.commit.before")
        cluster.kill("storage-3")
        folder = cluster.dir / "data" / "storage-3"
        for path in folder.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        cluster.up()
        wait_for("no new epoch", lambda: number(cluster, "SELECT max(epoch) FROM cluster_map") == epoch + 1)
        wait_until_whole(cluster)
    assert call.result().status_code == 201
    wait_until_whole(cluster)
    wait_for_copies(cluster, *DAEMONS)
    assert ok(user.registry().blob(name, digest_of(data)), 200).content == data


def test_a_failed_fdatasync_acknowledges_nothing_any_more(cluster, user, points):
    """The batch was written, its sync failed: no copy counts, and the daemon says so until it is started again."""
    data, name = random_bytes(100_000), f"{user.login}/sync"
    wait_until_whole(cluster)
    points.set("storage.batch.written", "error -5 once by storage-2")
    user.registry().push_blob(name, data)
    points.wait("storage.batch.written")
    points.release("storage.batch.written")
    node = number(cluster, "SELECT id FROM node WHERE name = 'storage-2' AND retired_at IS NULL")
    assert number(cluster, "SELECT count(*) FROM partition_owes WHERE part = %s AND node = %s",
                  partition_of(data), node) == 1
    cluster.kill("storage-2")
    cluster.up()
    wait_until_whole(cluster)
    wait_for_copies(cluster, *DAEMONS)
    assert_clean(cluster)
