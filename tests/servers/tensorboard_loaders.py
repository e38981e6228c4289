"""Loads FOLDER with both loaders of an installed TensorBoard and compares what they show of RUN with EXPECTED.json.

  tensorboard_loaders.py FOLDER RUN EXPECTED.json

Both: the Python loader (--load_fast=false) and the data server (--load_fast). Prints each difference; exit code 1."""

import json
import math
import sys

from tensorboard import context
from tensorboard.backend.event_processing import data_provider, plugin_event_multiplexer
from tensorboard.data import provider as provider_lib
from tensorboard.data import server_ingester
from tensorboard.plugins import base_plugin
from tensorboard.plugins.hparams import api_pb2, backend_context, list_session_groups
from tensorboard.util import grpc_util

KEEP_ALL = {plugin: 0 for plugin in ("scalars", "images", "text", "histograms", "hparams")}


def python_loader(folder):
    multiplexer = plugin_event_multiplexer.EventMultiplexer(tensor_size_guidance=KEEP_ALL)
    multiplexer.AddRunsFromDirectory(folder)
    multiplexer.Reload()
    return data_provider.MultiplexerDataProvider(multiplexer, folder)


def data_server(folder):
    ingester = server_ingester.SubprocessServerDataIngester(
        server_ingester.get_server_binary(), folder, reload_interval=0,
        channel_creds_type=grpc_util.ChannelCredsType.LOCAL, samples_per_plugin=KEEP_ALL)
    ingester.start()
    return ingester.data_provider, ingester


def number(value):
    if isinstance(value, str):
        return float(value.replace("Infinity", "inf"))
    return float(value)


def same(left, right):
    return (math.isnan(left) and math.isnan(right)) or left == right or abs(left - right) <= 1e-6 * abs(right)


class Check:
    def __init__(self, loader, provider, run):
        self.loader, self.provider, self.run, self.failures = loader, provider, run, 0
        self.ctx = context.RequestContext()

    def expect(self, good, what):
        if not good:
            self.failures += 1
            print(f"{self.loader}: {what}")

    def read(self, plugin, list_them, read_them, tags):
        runs = list_them(self.ctx, experiment_id="", plugin_name=plugin)
        found = runs.get(self.run, {})
        self.expect(set(found) >= set(tags), f"{plugin}: wants {sorted(tags)}, has {sorted(found)}")
        return found, read_them(self.ctx, experiment_id="", plugin_name=plugin, downsample=1000,
                                run_tag_filter=provider_lib.RunTagFilter(runs=[self.run])).get(self.run, {})

    def scalars(self, expected):
        found, series = self.read("scalars", self.provider.list_scalars, self.provider.read_scalars, expected)
        self.expect(set(found) == set(expected), f"scalars: {sorted(set(found) ^ set(expected))} only on one side")
        for tag, points in expected.items():
            shown = {datum.step: datum.value for datum in series.get(tag, [])}
            wanted = {int(step): number(value) for step, value in points.items()}
            self.expect(shown.keys() == wanted.keys(), f"{tag}: steps {sorted(shown)} instead of {sorted(wanted)}")
            for step in shown.keys() & wanted.keys():
                self.expect(same(shown[step], wanted[step]), f"{tag} at {step}: {shown[step]}, not {wanted[step]}")

    def texts(self, expected):
        _, series = self.read("text", self.provider.list_tensors, self.provider.read_tensors, expected)
        for tag, points in expected.items():
            shown = {str(datum.step): datum.numpy.reshape(-1)[0].decode() for datum in series.get(tag, [])}
            self.expect(shown == points, f"text {tag}: {shown}, not {points}")

    def histograms(self, expected):
        _, series = self.read("histograms", self.provider.list_tensors, self.provider.read_tensors, expected)
        for tag, points in expected.items():
            shown = {str(datum.step): datum.numpy.tolist() for datum in series.get(tag, [])}
            self.expect(shown == points, f"histogram {tag}: {shown}, not {points}")

    def images(self, expected):
        _, series = self.read("images", self.provider.list_blob_sequences, self.provider.read_blob_sequences, expected)
        for tag, points in expected.items():
            shown = {str(datum.step): [self.provider.read_blob(self.ctx, blob_key=blob.blob_key).hex()
                                       for blob in datum.values] for datum in series.get(tag, [])}
            self.expect(shown == points, f"images {tag}: {shown}, not {points}")

    def hparams(self, expected):
        backend = backend_context.Context(base_plugin.TBContext(data_provider=self.provider))
        metadata = backend.hparams_metadata(self.ctx, "")
        nothing = provider_lib.ListHyperparametersResult(hyperparameters=[], session_groups=[])
        experiment = backend.experiment_from_metadata(self.ctx, "", True, metadata, nothing)
        infos = {info.name for info in experiment.hparam_infos}
        self.expect(infos == set(expected["hparams"]), f"hparams: columns {sorted(infos)}")
        metrics = {info.name.tag for info in experiment.metric_infos}
        self.expect("train/loss" in metrics and "gen_loss" in metrics, f"hparams: metrics {sorted(metrics)}")
        request = api_pb2.ListSessionGroupsRequest(
            start_index=0, slice_size=100, allowed_statuses=[api_pb2.STATUS_SUCCESS, api_pb2.STATUS_FAILURE,
                                                             api_pb2.STATUS_RUNNING, api_pb2.STATUS_UNKNOWN],
            include_metrics=True)
        groups = list_session_groups.Handler(self.ctx, backend, "", request).run().session_groups
        self.expect(len(groups) == 1, f"hparams: {len(groups)} session groups")
        for group in groups:
            shown = {}
            for name, value in group.hparams.items():
                shown[name] = getattr(value, value.WhichOneof("kind"))
            self.expect(shown == expected["hparams"], f"hparams: {shown}, not {expected['hparams']}")
            status = api_pb2.Status.Name(group.sessions[0].status)
            self.expect(status == expected["status"], f"hparams: {status}, not {expected['status']}")

    def all(self, expected):
        for part in ("scalars", "texts", "histograms", "images", "hparams"):
            getattr(self, part)(expected[part])
        print(f"{self.loader}: {sum(map(len, expected['scalars'].values()))} points of {len(expected['scalars'])} curves, "
              f"{self.failures} differences")
        return self.failures


def main():
    folder, run, path = sys.argv[1:]
    with open(path) as file:
        expected = json.load(file)
    failures = Check("Python loader", python_loader(folder), run).all(expected)
    provider, ingester = data_server(folder)
    failures += Check("data server", provider, run).all(expected)
    del ingester
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
