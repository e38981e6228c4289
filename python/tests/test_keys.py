"""A broker with keys, and who comes to it from Python."""

import os

import pytest
import trainbus
from conftest import eventually
from trainbus._keys import chosen_key
from trainbus._wire import BusError


def test_everything_works_with_a_key(keyed_broker, spool):
    key = keyed_broker.add("alice", "trainer", "--run", "alice-*")
    with trainbus.Producer("alice-1", "t", keyed_broker.address, key=key, spool_dir=spool) as bus:
        bus.start()
        bus.log({"loss": 0.5})
    with trainbus.Consumer(keyed_broker.address, key=keyed_broker.own, kinds=["scalars"]) as consumer:
        assert [record.message.values["loss"] for record in consumer.history()] == [0.5]


def test_the_issuer_is_the_keys_name(keyed_broker, spool):
    with trainbus.Producer("r", "t", keyed_broker.address, key=keyed_broker.own, spool_dir=spool) as bus:
        bus.start()
        eventually(lambda: bus.connected)
        with trainbus.Control(keyed_broker.address, issuer="somebody else", key=keyed_broker.add("carol", "operator")) as control:
            control.pause("r/t", timeout=0)
        with trainbus.Consumer(keyed_broker.address, key=keyed_broker.own, kinds=["command"]) as consumer:
            issuers = eventually(lambda: [record.message.issuer for record in consumer.read(0.2)])
        assert issuers[0] == "carol"


@pytest.fixture
def key_of(keyed_broker, tmp_path):
    """A key file of that kind."""

    def key(kind):
        if kind == "other":
            (tmp_path / "other").mkdir()
            other = type(keyed_broker).__new__(type(keyed_broker))
            other.keys_folder = tmp_path / "other" / "keys"
            other.run_keys("init")
            return str(other.keys_folder / "own.key_secret")
        return "off" if kind == "off" else keyed_broker.add(kind, kind)

    return key


@pytest.mark.parametrize("kind, why", [("off", "wants a key"), ("other", "does not take key"), ("trainer", "may not watch")])
def test_a_wrong_key_is_said(keyed_broker, key_of, kind, why):
    with trainbus.Control(keyed_broker.address, key=key_of(kind)) as control:
        with pytest.raises(BusError, match=why):
            control.trainers()


@pytest.mark.parametrize("kind, why", [("off", "wants a key"), ("other", "does not take key"), ("trainer", "its role may not")])
def test_a_wrong_key_of_a_consumer_is_said(keyed_broker, key_of, kind, why):
    with pytest.raises(BusError, match=why):
        trainbus.Consumer(keyed_broker.address, key=key_of(kind))


@pytest.mark.parametrize("kind, why", [("off", "wants a key"), ("other", "does not take key"), ("viewer", "may not publish")])
def test_a_wrong_key_of_a_producer_is_said(keyed_broker, key_of, spool, kind, why):
    said = []
    with trainbus.Producer("r", "t", keyed_broker.address, key=key_of(kind), spool_dir=spool, on_problem=said.append) as bus:
        bus.start()
        eventually(lambda: any(why in line for line in said))


def test_a_key_for_a_broker_without_keys_is_said(broker, keyed_broker):
    with trainbus.Control(broker.address, key=keyed_broker.own) as control:
        with pytest.raises(BusError, match="knows no keys"):
            control.trainers()


def test_a_file_that_others_can_read_is_refused(keyed_broker):
    os.chmod(keyed_broker.own, 0o644)
    with pytest.raises(ValueError, match="chmod 600"):
        chosen_key(keyed_broker.own)
    with pytest.raises(ValueError, match="chmod 600"):
        trainbus.Producer("r", "t", keyed_broker.address, key=keyed_broker.own)
    with pytest.raises(ValueError, match="No such file"):
        chosen_key(keyed_broker.own + ".missing")


def test_the_users_own_key_is_found(keyed_broker, monkeypatch, tmp_path):
    monkeypatch.delenv("TRAINBUS_KEY", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    assert chosen_key() is None
    (tmp_path / "config").mkdir()
    keyed_broker.keys_folder.rename(tmp_path / "config" / "trainbus")
    assert chosen_key().public == chosen_key(str(tmp_path / "config" / "trainbus" / "own.key_secret")).public
    monkeypatch.setenv("TRAINBUS_KEY", "off")
    assert chosen_key() is None
