// Nothing trains yet: how to begin.
const snippet = `trainbus::Producer bus({.run = "mnist", .trainer = "t0"});
bus.start({.total_epochs = 10, .batches_per_epoch = 500, .batch_size = 64});
while (bus.step()) {                 // commands are applied here
  // ... train one batch ...
  bus.log_batch({.epoch = e, .batch = b, .loss = loss, .accuracy = acc});
}
bus.finish(trainbus::v1::COMPLETED);`;

export function Empty({ broker }: { broker: string }) {
  const address = broker || "tcp://127.0.0.1:7760";
  return (
    <div class="empty panel" data-testid="empty">
      <h1>No trainer yet</h1>
      <p>This page is connected and shows a trainer as soon as one says hello to the broker at <code>{address}</code>.</p>
      <h2>Start the reference trainer</h2>
      <Copyable text={`trainbus-train --dataset shapes --run demo --name t0 --broker ${address}`} />
      <h2>Or put these lines into your own training loop</h2>
      <Copyable text={snippet} />
    </div>
  );
}

function Copyable({ text }: { text: string }) {
  return (
    <div class="copyable">
      <pre tabIndex={0}>{text}</pre>
      {navigator.clipboard && (
        <button class="small" onClick={() => void navigator.clipboard.writeText(text)}>
          copy
        </button>
      )}
    </div>
  );
}
