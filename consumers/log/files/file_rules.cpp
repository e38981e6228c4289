#include "file_rules.hpp"

namespace trainbus {

FileRules file_rules(const SinkOptions& options) {
  FileRules rules{.rotate_bytes = options.bytes("rotate"),
                  .rotate_every = options.duration("rotate-every"),
                  .compress = options.choice("compress", {"none", "zstd"}) == "zstd",
                  .keep = options.number("keep", 0, 1'000'000),
                  .fsync = Fsync::kSync};
  const auto fsync = options.choice("fsync", {"never", "sync", "flush"});
  if (fsync != "sync") rules.fsync = fsync == "never" ? Fsync::kNever : Fsync::kFlush;
  if (rules.rotate_every.count() > 0 && rules.rotate_every < std::chrono::seconds(1))
    options.refuse("rotate-every", "must be 0s or a second at least");
  return rules;
}

void refuse_file_rules(const SinkOptions& options) {
  static constexpr auto kRules = file_options({});
  for (const auto* option = kRules.data() + 1; option->name != nullptr; ++option)
    if (options.text(option->name) != option->preset)
      options.refuse(option->name, "is of files; '" + options.text("path") + "' is a stream");
}

}  // namespace trainbus
