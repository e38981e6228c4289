// Checkpoint files: what was written is read, and nothing else is.

#include <gmock/gmock.h>
#include <sys/resource.h>

#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "producers/train/safetensors_file.hpp"
#include "support/temp_dir.hpp"

namespace trainbus {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string floats(std::vector<float> values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)};
}

TensorFile two_tensors() {
  return {.metadata = {{"step", "41"}, {"note", "with \"quotes\" and \xc3\xa4"}},
          .tensors = {{.name = "head.weight", .type = "F32", .shape = {2, 3}, .bytes = floats({1, 2, 3, 4, 5, -0.5F})},
                      {.name = "count", .type = "I64", .shape = {}, .bytes = std::string("\7\0\0\0\0\0\0\0", 8)}}};
}

std::string content(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

class SafetensorsFile : public ::testing::Test {
 protected:
  void write(const std::string& bytes) { std::ofstream(path_, std::ios::binary) << bytes; }
  std::string error() {
    try {
      read_tensor_file(path_);
    } catch (const std::runtime_error& error) {
      const std::string line = error.what();
      EXPECT_THAT(line, StartsWith(path_ + ": "));
      return line.substr(path_.size() + 2);
    }
    return "(no error)";
  }
  std::size_t files() const { return std::distance(fs::directory_iterator(folder_.path()), fs::directory_iterator()); }

  test::TempDir folder_;
  const std::string path_ = folder_ / "a.safetensors";
};

TEST_F(SafetensorsFile, IsReadAsItWasWritten) {
  write_tensor_file(path_, two_tensors());
  const auto file = read_tensor_file(path_);
  EXPECT_EQ(file.metadata.at("step"), "41");
  EXPECT_EQ(file.metadata.at("note"), "with \"quotes\" and \xc3\xa4");
  ASSERT_EQ(file.tensors.size(), 2U);
  for (const auto& wanted : two_tensors().tensors) {
    const auto& found = file.tensors[wanted.name == "count" ? 0 : 1];
    EXPECT_EQ(found.name, wanted.name);
    EXPECT_EQ(found.type, wanted.type);
    EXPECT_EQ(found.shape, wanted.shape);
    EXPECT_EQ(found.bytes, wanted.bytes);
  }
  EXPECT_EQ(files(), 1U) << "nothing else is left in the folder";
}

// The format, byte by byte: what other programs rely on.
TEST_F(SafetensorsFile, IsLaidOutAsTheFormatSays) {
  write_tensor_file(path_, {.metadata = {}, .tensors = {{"w", "F32", {2}, floats({0.5, 2})}}});
  const auto bytes = content(path_);
  const std::size_t length = static_cast<unsigned char>(bytes[0]);
  EXPECT_EQ(bytes.substr(1, 7), std::string(7, '\0'));
  EXPECT_THAT(bytes.substr(8, length), StartsWith(R"({"__metadata__":{"crc32":")"));
  EXPECT_THAT(bytes.substr(8, length), HasSubstr(R"("w":{"data_offsets":[0,8],"dtype":"F32","shape":[2]}})"));
  EXPECT_EQ(bytes.substr(8 + length), floats({0.5, 2}));
}

TEST_F(SafetensorsFile, OfAnotherProgramIsNoneOfOurs) {
  const std::string header = R"({"__metadata__":{"format":"pt"},"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})";
  write(std::string(1, static_cast<char>(header.size())) + std::string(7, '\0') + header + floats({0.5, 2}));
  EXPECT_EQ(error(), "has no checksum, so it is none of ours");
}

TEST_F(SafetensorsFile, ThatWasChangedAnywhereIsRefused) {
  write_tensor_file(path_, two_tensors());
  const auto good = content(path_);
  for (std::size_t at = 0; at < good.size(); ++at) {
    if (good[at] == ' ' || good[at + (at + 1 < good.size())] == ' ')
      continue;  // spaces at the header's end mean nothing
    auto bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 1);
    write(bad);
    EXPECT_NE(error(), "(no error)") << "byte " << at;
  }
  for (std::size_t length = 0; length < good.size(); ++length) {
    write(good.substr(0, length));
    EXPECT_NE(error(), "(no error)") << "cut to " << length;
  }
}

TEST_F(SafetensorsFile, ThatIsNoneSaysSo) {
  EXPECT_EQ(error(), "cannot be read: No such file or directory");
  for (const std::string bytes :
       {"", "short", "PK\3\4 a file of torch.save, which is a zip archive", "\x89PNG\r\n\x1a\n......"}) {
    write(bytes);
    EXPECT_EQ(error(), "is no safetensors file") << bytes;
  }
  fs::remove(path_);
  fs::create_directory(path_);
  EXPECT_EQ(error(), "is a folder");
}

TEST_F(SafetensorsFile, WhoseHeaderLiesIsRefused) {
  for (const auto& [about, expected] : std::vector<std::pair<std::string, std::string>>{
           {R"("dtype":"F32","shape":[2],"data_offsets":[0,9])", "outside the file"},
           {R"("dtype":"F32","shape":[2],"data_offsets":[8,0])", "outside the file"},
           {R"("dtype":"F32","shape":[3],"data_offsets":[0,8])", "of different size"},
           {R"("dtype":"F32","shape":[-1,-2],"data_offsets":[0,8])", "its shape is none"},
           {R"("dtype":"F32","shape":[4294967296,4294967296,2],"data_offsets":[0,8])", "its shape is none"},
           {R"("dtype":"BF16","shape":[4],"data_offsets":[0,8])", "type BF16 is not read"},
           {R"("dtype":"F32","shape":"two","data_offsets":[0,8])", "tensor 'w'"},
           {R"("dtype":"F32")", "tensor 'w'"}}) {
    const std::string header = R"({"w":{)" + about + "}}";
    write(std::string(1, static_cast<char>(header.size())) + std::string(7, '\0') + header + floats({0.5, 2}));
    const auto line = error();
    EXPECT_THAT(line, StartsWith("damaged, tensor 'w': "));
    EXPECT_THAT(line, HasSubstr(expected));
    EXPECT_EQ(line.find('\n'), std::string::npos);
  }
}

TEST_F(SafetensorsFile, ThatCannotBeWrittenLeavesTheOlderOneAsItWas) {
  write_tensor_file(path_, two_tensors());
  const auto before = content(path_);
  auto large = two_tensors();
  large.tensors[0].shape = {25'000};
  large.tensors[0].bytes = std::string(100'000, 'x');
  // A full disk: no file of this process may be over 10 kB.
  rlimit old_limit{};
  getrlimit(RLIMIT_FSIZE, &old_limit);
  const rlimit small{.rlim_cur = 10'000, .rlim_max = old_limit.rlim_max};
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  setrlimit(RLIMIT_FSIZE, &small);
  std::string line = "(no error)";
  try {
    write_tensor_file(path_, large);
  } catch (const std::runtime_error& error) {
    line = error.what();
  }
  setrlimit(RLIMIT_FSIZE, &old_limit);
  std::signal(SIGXFSZ, old_handler);
  EXPECT_EQ(line, path_ + ": cannot be written: File too large");
  EXPECT_EQ(content(path_), before);
  EXPECT_EQ(files(), 1U) << "what was begun is gone";
  EXPECT_THROW(write_tensor_file("/nowhere/at/all/a", large), std::runtime_error);
}

}  // namespace
}  // namespace trainbus
