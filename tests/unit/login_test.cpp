// The page's login without a server: tokens, sessions, users, passwords, attempts.

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <list>

#include "consumers/dashboard/login/cookie.hpp"
#include "consumers/dashboard/login/login_desk.hpp"
#include "consumers/dashboard/login/token.hpp"
#include "proto/beast/secret_file.hpp"
#include "tests/support/patience.hpp"
#include "tests/support/temp_dir.hpp"

namespace trainbus {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

const Sessions::Clock::time_point kNow{std::chrono::hours(500'000)};

TEST(OneTimeToken, OpensOnceWithinADay) {
  OneTimeTokens tokens("secret", kNow);
  const auto token = make_one_time_token("secret", kNow);
  EXPECT_TRUE(tokens.use(token, kNow + 24h - 1ms));
  EXPECT_FALSE(tokens.use(token, kNow + 24h - 1ms)) << "used";
  const auto late = make_one_time_token("secret", kNow);
  EXPECT_FALSE(tokens.use(late, kNow + 24h));
}

TEST(OneTimeToken, IsNotOfAnotherSecretNorOlderThanTheServerNorChanged) {
  OneTimeTokens tokens("secret", kNow);
  EXPECT_FALSE(tokens.use(make_one_time_token("other", kNow), kNow));
  EXPECT_FALSE(tokens.use(make_one_time_token("secret", kNow - 1s), kNow)) << "an earlier server may have taken it";
  auto token = make_one_time_token("secret", kNow);
  for (const std::size_t at : {std::size_t{0}, token.find('-') + 1, token.size() - 1}) {
    auto changed = token;
    changed[at] = changed[at] == '1' ? '2' : '1';
    EXPECT_FALSE(tokens.use(changed, kNow)) << at;
  }
  for (const auto* none : {"", "-", "--", "1-2-3", "99999999999999999999999-1-1"})
    EXPECT_FALSE(tokens.use(none, kNow)) << none;
  EXPECT_TRUE(tokens.use(token, kNow));
}

TEST(Sessions, EndWhenIdleForADayAndAfterAWeek) {
  Sessions sessions;
  const auto idle = sessions.begin("alice", PageRole::kViewer, "g", kNow);
  EXPECT_TRUE(sessions.find(idle, kNow + 24h - 1s));
  EXPECT_FALSE(sessions.find(idle, kNow + 48h));
  const auto busy = sessions.begin("alice", PageRole::kViewer, "g", kNow);
  for (auto passed = 0h; passed < 7 * 24h; passed += 12h)
    EXPECT_TRUE(sessions.find(busy, kNow + passed)) << passed.count();
  EXPECT_FALSE(sessions.find(busy, kNow + 7 * 24h));
  EXPECT_FALSE(sessions.find("", kNow));
  EXPECT_FALSE(sessions.find(std::string(kTokenLength, '0'), kNow));
}

TEST(Sessions, TellWhoWatchesThatTheyEnded) {
  Sessions sessions;
  std::vector<std::string> ended;
  const auto watch = [&](const std::string& session, const std::string& what) {
    return sessions.on_end(session, [&ended, what] { ended.push_back(what); });
  };
  const auto left = sessions.begin("alice", PageRole::kViewer, "a", kNow);
  const auto changed = sessions.begin("bob", PageRole::kViewer, "b", kNow);
  const auto idle = sessions.begin("carol", PageRole::kViewer, "c", kNow);
  const auto a = watch(left, "left"), b = watch(changed, "changed"), c = watch(idle, "idle");
  watch(idle, "nobody keeps this one").reset();
  sessions.end(left);
  EXPECT_THAT(ended, ElementsAre("left"));
  sessions.keep_only([](const std::string& grant) { return grant == "c"; });
  EXPECT_THAT(ended, ElementsAre("left", "changed"));
  sessions.tick(kNow + 24h);
  EXPECT_THAT(ended, ElementsAre("left", "changed", "idle"));
  const auto d = watch(left, "at once");
  EXPECT_EQ(ended.back(), "at once");
  EXPECT_EQ(sessions.size(), 0U);
}

TEST(Sessions, OfAUserAreBoundedAndTakeNoneOfOthers) {
  Sessions sessions;
  const auto bob = sessions.begin("bob", PageRole::kViewer, "b", kNow);
  const auto first = sessions.begin("alice", PageRole::kViewer, "a", kNow);
  for (std::size_t i = 0; i < Sessions::kMostOfAUser; ++i)
    sessions.begin("alice", PageRole::kViewer, "a", kNow + 1s);
  EXPECT_EQ(sessions.size(), Sessions::kMostOfAUser + 1);
  EXPECT_FALSE(sessions.find(first, kNow + 2s));
  EXPECT_TRUE(sessions.find(bob, kNow + 2s));
}

TEST(Sessions, AreKeptWithoutTheirSecrets) {
  Sessions before;
  const auto session = before.begin("alice", PageRole::kOperator, "g", kNow);
  before.begin("bob", PageRole::kViewer, "g", kNow - 23h);
  EXPECT_THAT(before.text(), Not(HasSubstr(session)));
  Sessions after;
  after.take(before.text() + "nonsense\nx alice owner g 1 2\n", kNow + 2h);
  EXPECT_EQ(after.size(), 1U) << "bob's is over";
  const auto person = after.find(session, kNow + 2h);
  ASSERT_TRUE(person);
  EXPECT_EQ(person->name, "alice");
  EXPECT_EQ(person->role, PageRole::kOperator);
}

TEST(Cookies, AreFoundByTheirWholeName) {
  EXPECT_THAT(cookie_values("a=1; trainbus-80=x; ttrainbus-8=y;trainbus-8=z; trainbus-8=w", "trainbus-8"),
              ElementsAre("z", "w"));
  for (const auto* none : {"", ";", "trainbus-8", "trainbus-8=", "=trainbus-8", " ; ;", "xtrainbus-8=1"})
    EXPECT_THAT(cookie_values(none, "trainbus-8"), IsEmpty()) << none;
  std::string many;
  for (int i = 0; i < 1000; ++i)
    many += "s=" + std::to_string(i) + ';';
  EXPECT_EQ(cookie_values(many, "s").size(), 8U);
}

TEST(SecretFile, IsForItsUserAloneAndNoLink) {
  const test::TempDir dir;
  const std::string path = dir / "secret";
  EXPECT_FALSE(read_secret_file(path));
  write_secret_file(path, "text\n");
  struct stat found {};
  ASSERT_EQ(stat(path.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 07777, 0600U);
  EXPECT_EQ(read_secret_file(path), "text\n");
  const auto version = file_version(path);
  write_secret_file(path, "other\n");
  EXPECT_NE(file_version(path), version);
  const std::string link = dir / "link";
  ASSERT_EQ(symlink(path.c_str(), link.c_str()), 0);
  EXPECT_THROW(read_secret_file(link), std::runtime_error);
  for (const mode_t open : {0640, 0604, 0620}) {
    ASSERT_EQ(chmod(path.c_str(), open), 0);
    EXPECT_THROW(read_secret_file(path), std::runtime_error) << open;
  }
  ASSERT_EQ(mkfifo((dir / "pipe").c_str(), 0600), 0);
  EXPECT_THROW(read_secret_file(dir / "pipe"), std::runtime_error);
}

TEST(PageUsersFile, SaysWhichLineIsNone) {
  const test::TempDir dir;
  const std::string path = dir / "users";
  EXPECT_THAT(read_page_users(path), IsEmpty());
  const PageUsers users{{"alice", {PageRole::kOperator, "$argon2id$a:b"}}, {"bob", {PageRole::kViewer, "h"}}};
  write_page_users(path, users);
  EXPECT_EQ(read_page_users(path), users);
  for (const auto* line : {"alice", "alice:owner:h", "a/b:viewer:h", ":viewer:h", "alice:viewer:"}) {
    write_secret_file(path, "# comment\n\n" + std::string(line) + '\n');
    try {
      read_page_users(path);
      ADD_FAILURE() << line;
    } catch (const std::runtime_error& error) {
      EXPECT_THAT(error.what(), HasSubstr("line 3")) << line;
    }
  }
}

TEST(Password, IsHashedWholeAndTakesAnyCharacters) {
  const std::string lengthy(200, 'x');
  const auto hash = hash_password(lengthy + "1");
  EXPECT_THAT(hash, StartsWith("$argon2id$"));
  EXPECT_TRUE(is_password(hash, lengthy + "1"));
  EXPECT_FALSE(is_password(hash, lengthy + "2")) << "none is cut";
  EXPECT_FALSE(is_password("", "")) << "no hash is of no password";
  EXPECT_FALSE(is_password("$argon2id$nonsense", "x"));
  EXPECT_FALSE(is_password(std::string(500, '$'), "x"));
  EXPECT_EQ(password_problem("pässwörd: \" 'x"), "");
  EXPECT_EQ(password_problem(std::string(64, ' ')), "");
  EXPECT_NE(password_problem("1234567"), "");
  EXPECT_NE(password_problem(std::string(kMaxPassword + 1, 'x')), "");
}

TEST(LoginAttempts, OfOthersLockNobodyOut) {
  LoginAttempts attempts;
  const LoginAttempts::Clock::time_point now{1h};
  const auto many = static_cast<int>(LoginAttempts::kBurst);
  for (int i = 0; i < many; ++i)
    EXPECT_FALSE(attempts.refuse({"alice", "10.0.0.1", ""}, now)) << i;
  EXPECT_TRUE(attempts.refuse({"alice", "10.0.0.1", ""}, now));
  EXPECT_TRUE(attempts.refuse({"bob", "10.0.0.1", ""}, now)) << "one address, many names";
  EXPECT_TRUE(attempts.refuse({"alice", "10.0.0.2", ""}, now)) << "one name, many addresses";
  EXPECT_FALSE(attempts.refuse({"alice", "10.0.0.1", "known"}, now)) << "who was here before";
  EXPECT_FALSE(attempts.refuse({"carol", "10.0.0.3", ""}, now));
  EXPECT_FALSE(attempts.refuse({"alice", "10.0.0.1", ""}, now + 5s)) << "and again after a while";
}

class LoginDeskTest : public testing::Test {
 protected:
  void restart() {
    desk_.reset();
    desk_.emplace(dir_ / "login", io_.get_executor());
    desk_->open(8080, kStart);
  }
  void SetUp() override { restart(); }
  static std::string value_of(const std::string& set_cookie) { return set_cookie.substr(0, set_cookie.find(';')); }
  Credentials with(const std::string& cookie) { return {.cookie = cookies_.emplace_back(cookie)}; }
  void set_user(const std::string& name, PageRole role, const std::string& password) {
    auto users = read_page_users(dir_ / "login/users");
    users[name] = {role, hash_password(password)};
    write_page_users(dir_ / "login/users", users);
    look();
  }
  void look() { desk_->tick(Sessions::Clock::now() + look_ * (++looks_)); }
  Entry enter(const std::string& name, const std::string& password, const Credentials& from = {}) {
    std::optional<Entry> got;
    desk_->enter_by_password(name, password, from, kAttempt, [&](const Entry& entry) { got = entry; });
    io_.restart();
    const auto work = boost::asio::make_work_guard(io_);
    for (const test::Patience patience(20s); !got && !patience.over();)
      io_.run_for(10ms);
    return got.value_or(Entry{.status = 0});
  }
  std::string token() { return *read_secret_file(dir_ / "login/token"); }

  const Sessions::Clock::time_point kStart = Sessions::Clock::now();
  const std::chrono::milliseconds look_ = LoginDesk::kLookEvery;
  const LoginAttempts::Clock::time_point kAttempt{1h};
  int looks_ = 0;
  test::TempDir dir_;
  std::list<std::string> cookies_;
  boost::asio::io_context io_;
  std::optional<LoginDesk> desk_;
};

TEST_F(LoginDeskTest, AsksNobodyWithoutAFolder) {
  LoginDesk open(std::nullopt, io_.get_executor());
  open.open(1, kStart);
  EXPECT_FALSE(open.asks());
  EXPECT_EQ(open.one_time_token(kStart), "");
  ASSERT_TRUE(open.person({}, kStart));
  EXPECT_EQ(open.person({}, kStart)->role, PageRole::kAdmin);
}

TEST_F(LoginDeskTest, LetsInByTokenAndKeepsTheSessionOverARestart) {
  EXPECT_FALSE(desk_->person({}, kStart));
  const auto token = desk_->one_time_token(Sessions::Clock::now());
  const auto entry = desk_->enter_by_token(token, {}, Sessions::Clock::now());
  ASSERT_TRUE(entry.person);
  EXPECT_EQ(desk_->enter_by_token(token, {}, Sessions::Clock::now()).status, 401U);
  ASSERT_THAT(entry.cookies, ElementsAre(AllOf(StartsWith("trainbus-8080="), HasSubstr("HttpOnly"),
                                               HasSubstr("SameSite=Lax"), Not(HasSubstr("Secure")))));
  const auto cookie = value_of(entry.cookies[0]);
  restart();
  const auto person = desk_->person(with("trainbus-8080=stale; " + cookie), kStart);
  ASSERT_TRUE(person);
  EXPECT_EQ(person->role, PageRole::kAdmin);
  EXPECT_FALSE(desk_->person({.cookie = cookies_.front(), .secure = true}, kStart)) << "another cookie over TLS";
  desk_->leave(*person, {});
  EXPECT_FALSE(desk_->person(with(cookie), kStart));
  restart();
  EXPECT_FALSE(desk_->person(with(cookie), kStart));
}

TEST_F(LoginDeskTest, OverTlsTheCookieIsOfThisHostAlone) {
  const auto entry =
      desk_->enter_by_token(desk_->one_time_token(Sessions::Clock::now()), {.secure = true}, Sessions::Clock::now());
  ASSERT_THAT(entry.cookies, ElementsAre(AllOf(StartsWith("__Host-trainbus-8080="), HasSubstr("; Secure"),
                                               HasSubstr("; Path=/;"), Not(HasSubstr("Domain")))));
}

TEST_F(LoginDeskTest, KnowsTheTokenForScripts) {
  const auto bearer = "Bearer " + token().substr(0, kTokenLength);
  const auto person = desk_->person({.authorization = bearer}, kStart);
  ASSERT_TRUE(person);
  EXPECT_EQ(person->role, PageRole::kAdmin);
  for (const std::string& bad :
       std::vector<std::string>{"Bearer ", "Bearer x", bearer + "x", bearer.substr(0, bearer.size() - 1),
                                "bearer" + bearer.substr(6), "Basic eDp4"})
    EXPECT_FALSE(desk_->person({.authorization = bad}, kStart)) << bad;
  write_secret_file(dir_ / "login/token", std::string(kTokenLength, 'a') + '\n');
  look();
  EXPECT_FALSE(desk_->person({.authorization = bearer}, kStart)) << "another one is in the file";
}

TEST_F(LoginDeskTest, PasswordAndRoleChangesEndSessions) {
  set_user("alice", PageRole::kOperator, "correct horse");
  EXPECT_EQ(enter("alice", "wrong horse").status, 401U);
  EXPECT_EQ(enter("nobody", "correct horse").why, enter("alice", "wrong horse").why);
  const auto enter_alice = [&](const std::string& password) {
    const auto entry = enter("alice", password);
    EXPECT_TRUE(entry.person) << entry.why;
    return entry.person ? value_of(entry.cookies[0]) : std::string{};
  };
  auto cookie = enter_alice("correct horse");
  EXPECT_EQ(desk_->person(with(cookie), kStart)->name, "alice");
  set_user("alice", PageRole::kOperator, "battery staple");
  EXPECT_FALSE(desk_->person(with(cookie), kStart)) << "another password";
  cookie = enter_alice("battery staple");
  set_user("bob", PageRole::kViewer, "password of bob");
  EXPECT_TRUE(desk_->person(with(cookie), kStart)) << "another user's";
  auto users = read_page_users(dir_ / "login/users");
  users["alice"].role = PageRole::kViewer;
  write_page_users(dir_ / "login/users", users);
  look();
  EXPECT_FALSE(desk_->person(with(cookie), kStart)) << "another role";
  cookie = enter_alice("battery staple");
  EXPECT_EQ(desk_->person(with(cookie), kStart)->role, PageRole::kViewer);
  write_page_users(dir_ / "login/users", {});
  restart();
  EXPECT_FALSE(desk_->person(with(cookie), kStart)) << "removed while the server was away";
}

TEST_F(LoginDeskTest, BruteForceIsLimitedAndLeavesTheUserIn) {
  set_user("alice", PageRole::kViewer, "correct horse");
  const auto known = enter("alice", "correct horse");
  ASSERT_EQ(known.cookies.size(), 2U);
  EXPECT_THAT(known.cookies[1], AllOf(StartsWith("trainbus-known-8080="), HasSubstr("SameSite=Strict")));
  unsigned status = 0;
  for (int i = 0; i < 2 * LoginAttempts::kBurst && status != 429; ++i)
    status = enter("alice", "guess" + std::to_string(i)).status;
  EXPECT_EQ(status, 429U);
  EXPECT_EQ(enter("alice", "correct horse").status, 429U) << "a browser that never was here";
  EXPECT_TRUE(enter("alice", "correct horse", with(value_of(known.cookies[1]))).person);
  EXPECT_EQ(enter("bob", "guess", with(value_of(known.cookies[1]))).status, 429U) << "it is alice's browser";
  EXPECT_TRUE(desk_->enter_by_token(token().substr(0, kTokenLength), {}, kStart).person);
}

TEST_F(LoginDeskTest, AUsersFileThatIsNoneLetsNobodyIn) {
  set_user("alice", PageRole::kViewer, "correct horse");
  const auto cookie = value_of(enter("alice", "correct horse").cookies.at(0));
  write_secret_file(dir_ / "login/users", "nonsense\n");
  look();
  EXPECT_FALSE(desk_->person(with(cookie), kStart));
  EXPECT_EQ(enter("alice", "correct horse").status, 401U);
}

TEST(PasswordDesk, LeavesRoomForWhoWasHereBefore) {
  boost::asio::io_context io;
  const auto hash = hash_password("x");
  PasswordDesk desk(io.get_executor());
  int strangers = 0;
  while (strangers < 10'000 && desk.check(hash, "y", true, [](bool) {}))
    ++strangers;
  EXPECT_LT(strangers, 10'000);
  EXPECT_TRUE(desk.check(hash, "x", false, [](bool) {}));
}

}  // namespace
}  // namespace trainbus
