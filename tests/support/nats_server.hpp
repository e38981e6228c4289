#pragma once
// NATS servers of the test, with JetStream: one, or a cluster. The user is "owner" and needs a password.

#include <memory>

#include "tests/support/server_process.hpp"
#include "tests/support/temp_dir.hpp"

namespace trainbus::test {

class NatsServers {
 public:
  static constexpr char kPassword[] = "swordfish";
  static bool installed() { return std::filesystem::exists(kProgram); }

  const std::chrono::milliseconds duplicate_window;  // of the stream to be made there

  explicit NatsServers(std::size_t count, std::chrono::milliseconds window = std::chrono::minutes(2))
      : duplicate_window(window) {
    for (std::size_t i = 0; i < count; ++i)
      nodes_.push_back({free_port(), free_port(), nullptr});
    for (std::size_t i = 0; i < count; ++i)
      start(i);
  }

  void start(std::size_t i) {
    const auto name = node_name(i);
    std::vector<std::string> arguments = {
        "-a",    "127.0.0.1", "-p",     std::to_string(nodes_[i].port), "-n", name, "-js", "-sd", dir_ / name, "--user",
        "owner", "--pass",    kPassword};
    if (nodes_.size() > 1) {
      std::string routes;
      for (const auto& each : nodes_)
        routes.append(routes.empty() ? "" : ",").append(route(each));
      for (const auto& part : {std::string("--cluster_name"), std::string("test"), std::string("--cluster"),
                               route(nodes_[i]), std::string("--routes"), routes})
        arguments.push_back(part);
    }
    nodes_[i].process = std::make_unique<ServerProcess>(kProgram, arguments, dir_ / (name + ".log"));
  }
  void kill(std::size_t i) { nodes_[i].process->kill(); }
  std::size_t size() const { return nodes_.size(); }
  static std::string node_name(std::size_t i) { return "n" + std::to_string(i); }

  std::string url(std::size_t i, const std::string& password = kPassword) const {
    return "nats://owner:" + password + "@127.0.0.1:" + std::to_string(nodes_[i].port);
  }
  // With spaces between.
  std::string urls() const {
    std::string text;
    for (std::size_t i = 0; i < nodes_.size(); ++i)
      text.append(text.empty() ? "" : " ").append(url(i));
    return text;
  }

 private:
  static constexpr char kProgram[] = "/usr/sbin/nats-server";
  struct Node {
    int port, cluster_port;
    std::unique_ptr<ServerProcess> process;
  };
  static std::string route(const Node& node) { return "nats://127.0.0.1:" + std::to_string(node.cluster_port); }

  TempDir dir_;
  std::vector<Node> nodes_;
};

}  // namespace trainbus::test
