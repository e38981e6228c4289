#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "broker/gatekeeper.hpp"
#include "broker/key_desk.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/key_site.hpp"
#include "tests/support/temp_dir.hpp"
#include "trainbus/bus_key.hpp"
#include "trainbus/wire.hpp"

namespace trainbus {
namespace {

using test::KeySite;
using test::TempDir;
using testing::HasSubstr;

std::string error_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const std::exception& error) {
    return error.what();
  }
  return "no error";
}

mode_t mode_of(const std::string& path) {
  struct stat found {};
  return stat(path.c_str(), &found) == 0 ? found.st_mode & 07777 : 0;
}

void write(const std::string& path, const std::string& text, mode_t mode = 0600) {
  std::ofstream(path) << text;
  chmod(path.c_str(), mode);
}

TEST(KeyFile, ReadsWhatPyzmqAndCzmqWrite) {
  const auto pair = new_key_pair();
  const std::string pyzmq =
      "#   ****  Generated on 2026 by pyzmq  ****\n#   ZeroMQ CURVE **Secret** Certificate\n\n"
      "metadata\n    role = \"trainer\"\ncurve\n    public-key = \"" +
      pair.public_key + "\"\n    secret-key = \"" + pair.secret_key + "\"\n";
  const auto read = parse_key_file(pyzmq, "alice");
  EXPECT_EQ(read.public_key, pair.public_key);
  EXPECT_EQ(read.secret_key, pair.secret_key);
  EXPECT_EQ(read.said("role"), "trainer");
  const auto again = parse_key_file(key_file_text(read, "ours"), "alice");
  EXPECT_EQ(again.secret_key, pair.secret_key);
  EXPECT_EQ(again.metadata, read.metadata);
}

TEST(KeyFile, RefusesWhatIsNone) {
  const auto pair = new_key_pair();
  const auto problem = [](const std::string& text) { return error_of([&] { parse_key_file(text, "f"); }); };
  EXPECT_EQ(problem(""), "key file 'f': has no public key");
  EXPECT_EQ(problem("public-key = \"short\""), "key file 'f': its public key is none");
  EXPECT_EQ(problem("public-key = \"" + std::string(40, '~') + '"'), "key file 'f': its public key is none");
  EXPECT_EQ(problem("public-key = " + pair.public_key + "\nsecret-key = x"), "key file 'f': its secret key is none");
  EXPECT_EQ(problem(std::string(1000, '\0') + "=\n"), "key file 'f': has no public key");
}

TEST(KeyFile, IsRefusedWhenOthersCanReadIt) {
  const TempDir dir;
  const std::string file = dir / "alice.key_secret";
  write_key_file(file, new_key_pair(), "a test's");
  EXPECT_EQ(mode_of(file), 0600U);
  for (const mode_t mode : {0640U, 0604U, 0620U, 0644U, 0666U}) {
    chmod(file.c_str(), mode);
    EXPECT_THAT(error_of([&] { read_secret_key(file); }), HasSubstr("chmod 600 " + file)) << std::oct << mode;
  }
  chmod(file.c_str(), 0400);
  EXPECT_EQ(error_of([&] { read_secret_key(file); }), "no error");
  if (geteuid() != 0) GTEST_SKIP() << "only root can give a file away";
  ASSERT_EQ(chown(file.c_str(), 65534, 65534), 0);
  EXPECT_THAT(error_of([&] { read_secret_key(file); }), HasSubstr("belongs to another user"));
}

TEST(KeyFile, OfASiteIsNoLinkNorFolderNorPipe) {
  KeySite site;
  const std::string client = site.folder() + "/clients/eve.key";
  const auto handed = site.add("alice", "admin,trainer");
  std::filesystem::create_symlink(site.folder() + "/clients/alice.key", client);
  std::filesystem::create_directory(site.folder() + "/clients/d.key");
  ASSERT_EQ(mkfifo((site.folder() + "/clients/p.key").c_str(), 0600), 0);
  std::vector<std::string> problems;
  const auto keys = KeyFolder(site.folder()).clients(problems);
  EXPECT_EQ(keys.size(), 2U);  // alice and the user's own
  EXPECT_EQ(problems.size(), 3U);
  chmod((site.folder() + "/clients/alice.key").c_str(), 0666);
  problems.clear();
  EXPECT_EQ(KeyFolder(site.folder()).clients(problems).size(), 1U);
}

TEST(KeyFile, IsNeverWrittenOverAnother) {
  const TempDir dir;
  const std::string file = dir / "k";
  const auto first = new_key_pair();
  write_key_file(file, first, "first");
  EXPECT_THAT(error_of([&] { write_key_file(file, new_key_pair(), "second"); }), HasSubstr("is there already"));
  EXPECT_EQ(read_secret_key(file).public_key, first.public_key);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(std::string(dir / "")), {}), 1);
}

TEST(KeyDesk, MakesWhatTheProgramsOfAUserFind) {
  KeySite site;
  EXPECT_EQ(mode_of(site.folder()), 0700U);
  EXPECT_EQ(mode_of(site.own()), 0600U);
  EXPECT_EQ(mode_of(broker_key_path(site.folder())), 0600U);
  const auto own = read_secret_key(site.own());
  EXPECT_EQ(own.said("broker-key"), KeyFolder(site.folder()).broker_key().public_key);
  EXPECT_FALSE(site.desk().init());
  EXPECT_EQ(read_secret_key(site.own()).public_key, own.public_key);
}

TEST(KeyDesk, RefusesNamesRolesAndPatternsThatAreNone) {
  KeySite site;
  for (const std::string name : {"", "..", ".hidden", "a/b", "../../etc/passwd", "a b", "a~1", "ä"})
    EXPECT_THAT(error_of([&] { site.add(name, "viewer"); }), HasSubstr("key name '" + name)) << name;
  for (const std::string role : {"", "root", "trainer,", "trainer,boss", "Trainer", " viewer"})
    EXPECT_THAT(error_of([&] { site.add("bob", role); }), HasSubstr("role '" + role)) << role;
  for (const std::string runs : {"", "a b", "a\"b", "a/b", "a\nb"})
    EXPECT_THAT(error_of([&] { site.add("bob", "trainer", runs); }), HasSubstr("run pattern")) << runs;
  site.add("bob", "viewer");
  EXPECT_THAT(error_of([&] { site.add("bob", "viewer"); }), HasSubstr("is there already"));
}

TEST(KeyDesk, RevokesEveryKeyOfAName) {
  KeySite site;
  site.add("alice", "trainer", "a-*");
  site.desk().rotate("alice", site.path("new"), std::chrono::hours(1));
  ASSERT_EQ(site.desk().keys("alice").size(), 2U);
  EXPECT_EQ(site.desk().revoke("alice"), 2U);
  for (const auto& key : site.desk().keys("alice"))
    EXPECT_TRUE(key.revoked);
  EXPECT_THAT(error_of([&] { site.desk().revoke("nobody"); }), HasSubstr("no key 'nobody'"));
  site.add("alice", "viewer");  // anew, while the old ones stay revoked
  EXPECT_EQ(site.desk().keys("alice").size(), 3U);
}

TEST(KeyDesk, RenewsAKeyWithTheSameRights) {
  KeySite site;
  const auto old = read_secret_key(site.add("alice", "trainer", "a-*"));
  site.desk().rotate("alice", site.path("new"), std::chrono::hours(1));
  const auto fresh = read_secret_key(site.path("new"));
  EXPECT_NE(fresh.public_key, old.public_key);
  for (const auto& key : site.desk().keys("alice")) {
    EXPECT_EQ(key.runs, "a-*");
    EXPECT_EQ(key.role, "trainer");
    EXPECT_EQ(key.until_unix_s != 0, key.public_key == old.public_key);
  }
}

// --- who may what

Identity identity(const std::string& role, const std::string& runs = "*") {
  Identity who;
  who.name = "bob";
  who.role = role;
  who.roles = Roles::parse(role).value();
  who.runs = runs;
  return who;
}

TEST(Gatekeeper, KnowsWhatEachRoleMay) {
  Gatekeeper gatekeeper;
  const auto may = [&](const std::string& role) {
    std::string acts;
    for (const Act act : {Act::kTrain, Act::kWatch, Act::kCommand, Act::kAlert, Act::kErase})
      if (gatekeeper.may(identity(role), act, "r/t")) acts += std::string(act_name(act)) + ' ';
    return acts;
  };
  EXPECT_EQ(may("trainer"), "train ");
  EXPECT_EQ(may("viewer"), "watch ");
  EXPECT_EQ(may("operator"), "watch command alert ");
  EXPECT_EQ(may("admin"), "watch command alert erase ");
  EXPECT_EQ(may("trainer,viewer"), "train watch ");
  EXPECT_EQ(may("admin,trainer"), "train watch command alert erase ");
}

TEST(Gatekeeper, LetsATrainerBeOnlySessionsOfItsRuns) {
  Gatekeeper gatekeeper;
  const auto who = identity("trainer", "alice-*");
  EXPECT_TRUE(gatekeeper.may(who, Act::kTrain, "alice-1/t0"));
  for (const char* session : {"bob/alice-1", "alice/t0", "xalice-1/t", "", "/alice-1", "ALICE-1/t"})
    EXPECT_FALSE(gatekeeper.may(who, Act::kTrain, session)) << session;
  EXPECT_EQ(gatekeeper.refused().at({"bob", "train"}), 6U);
  EXPECT_EQ(Gatekeeper::reason(who, Act::kTrain, "bob/t"),
            "key 'bob' (trainer) may not publish as 'bob/t': its runs are 'alice-*'");
}

TEST(Gatekeeper, RefusesEverythingToARevokedKey) {
  Gatekeeper gatekeeper;
  auto who = identity("admin,trainer");
  for (const auto state : {Identity::State::kRevoked, Identity::State::kUnknown}) {
    who.state = state;
    for (const Act act : {Act::kTrain, Act::kWatch, Act::kCommand, Act::kAlert, Act::kErase})
      EXPECT_FALSE(gatekeeper.may(who, act, "r/t"));
  }
  EXPECT_EQ(gatekeeper.refused().at({"bob", "revoked"}), 5U);
}

TEST(Gatekeeper, NamesTheKeyAsTheIssuer) {
  const auto bob = identity("operator");
  for (const std::string said : {"", "ctl:alice@host", "alice", "bobby:alice", "dashboard", "bob"})
    EXPECT_EQ(Gatekeeper::issuer(bob, said), "bob") << said;
  EXPECT_EQ(Gatekeeper::issuer(bob, "bob:alice"), "bob:alice");  // speaks for a person, under its own name
  EXPECT_EQ(Gatekeeper::issuer({}, "ctl:alice@host"), "ctl:alice@host");
}

TEST(Gatekeeper, TellsWhoseRightsChanged) {
  KeySite site;
  site.add("alice", "trainer", "a-*");
  site.add("bob", "viewer");
  Gatekeeper gatekeeper{KeyFolder(site.folder())};
  EXPECT_EQ(gatekeeper.keys(), 3U);
  std::vector<std::string> ended;
  gatekeeper.ended = [&](const Identity& who) { ended.push_back(who.name); };
  const auto looked = [&](const std::string& what, const std::function<bool()>& is_so) {
    gatekeeper.reload();
    return test::eventually(what, [&] {
      gatekeeper.look(steady_ms());
      return is_so();
    });
  };
  EXPECT_TRUE(ended.empty());
  site.desk().revoke("bob");
  EXPECT_TRUE(looked("bob's end", [&] { return ended == std::vector<std::string>{"bob"}; }));
  EXPECT_EQ(gatekeeper.keys(), 2U);
  std::filesystem::remove(site.folder() + "/clients/alice.key");
  EXPECT_TRUE(looked("alice's end", [&] { return ended.back() == "alice"; }));
  write(site.folder() + "/clients/broken.key", "nothing");
  site.add("carol", "viewer");
  EXPECT_TRUE(looked("carol", [&] { return gatekeeper.keys() == 2U; })) << "the user's own stays";
}

TEST(BusKey, IsTheOneThatWasGivenThenTheEnvironmentsThenTheUsersOwn) {
  KeySite site;
  const auto alice = site.add("alice", "trainer"), bob = site.add("bob", "trainer");
  const std::string before = std::getenv("TRAINBUS_KEY") != nullptr ? std::getenv("TRAINBUS_KEY") : "";
  setenv("TRAINBUS_KEY", alice.c_str(), 1);
  EXPECT_EQ(process_key()->said("name"), "alice");
  EXPECT_EQ(chosen_key(bob)->said("name"), "bob");
  EXPECT_FALSE(chosen_key("off").has_value());
  use_key(bob);
  EXPECT_EQ(process_key()->said("name"), "bob");
  use_key("");
  setenv("TRAINBUS_KEY", "off", 1);
  EXPECT_FALSE(process_key().has_value());
  setenv("TRAINBUS_KEY", site.path("missing").c_str(), 1);
  EXPECT_THAT(error_of([] { process_key(); }), HasSubstr("No such file"));
  setenv("TRAINBUS_KEY", broker_key_path(site.folder()).c_str(), 1);
  EXPECT_THAT(error_of([] { process_key(); }), HasSubstr("does not say the broker's public key"));
  setenv("TRAINBUS_KEY", before.c_str(), 1);
}

}  // namespace
}  // namespace trainbus
