// Where models are found, under which names, and what keeps the server inside its folders.
#include "server/model/locator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "server/model/model_name.h"
#include "tests/unit/model/temp_folder.h"

namespace circuitd {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

std::vector<std::string> Names(const ModelLocator& locator) {
  std::vector<std::string> names;
  for (const auto& location : locator.List()) names.push_back(location.name);
  return names;
}

ModelLocator Repository(const TempFolder& folder) { return ModelLocator({.repositories = {folder.path()}}); }
ModelLocator Cache(const TempFolder& folder) { return ModelLocator({.hugging_face_caches = {folder.path()}}); }

void ExpectError(const absl::Status& status, absl::StatusCode code, const std::string& message) {
  EXPECT_EQ(status.code(), code) << status;
  EXPECT_EQ(FieldOf(status), "model");
  EXPECT_THAT(std::string(status.message()), HasSubstr(message));
}

// A snapshot as huggingface_hub makes it: links into the blobs folder.
void WriteSnapshot(const TempFolder& cache, const std::string& repository, const std::string& revision) {
  const std::string folder = repository + "/snapshots/" + revision;
  cache.Write(repository + "/blobs/blob-" + revision, "{}");
  fs::create_directories(cache / folder);
  fs::create_symlink("../../blobs/blob-" + revision, cache / (folder + "/config.json"));
}

TEST(LocatorTest, FindsModelsInARepository) {
  const TempFolder folder;
  folder.Write("mine/config.json", "{}");
  folder.Write("org/theirs/config.json", "{}");
  folder.Write("not-a-model/readme", "");
  folder.Write("a/b/too-deep/config.json", "{}");
  const ModelLocator locator = Repository(folder);
  EXPECT_THAT(Names(locator), ElementsAre("mine", "org/theirs"));
  EXPECT_EQ(locator.Find("mine")->folder, folder / "mine");
  EXPECT_EQ(locator.Find("org/theirs")->folder, folder / "org/theirs");
  EXPECT_THAT(locator.Find("mine")->aliases, IsEmpty());
}

TEST(LocatorTest, FindsNamedFolders) {
  const TempFolder folder;
  folder.Write("somewhere/config.json", "{}");
  const ModelLocator locator({.folders = {{"demo", folder / "somewhere"}}});
  EXPECT_EQ(locator.Find("demo")->folder, folder / "somewhere");
  EXPECT_THAT(Names(locator), ElementsAre("demo"));
}

TEST(LocatorTest, TreatsAliasesAsOneModel) {
  for (const std::string on_disk : {"gpt2", "gpt2-small", "openai-community/gpt2"}) {
    const TempFolder folder;
    folder.Write(on_disk + "/config.json", "{}");
    const ModelLocator locator = Repository(folder);
    EXPECT_THAT(Names(locator), ElementsAre("gpt2"));
    for (const std::string name : {"gpt2", "gpt2-small", "openai-community/gpt2"}) {
      const auto location = locator.Find(name);
      ASSERT_TRUE(location.ok()) << location.status();
      EXPECT_EQ(location->name, "gpt2");
      EXPECT_THAT(location->aliases, ElementsAre("gpt2-small", "openai-community/gpt2"));
      EXPECT_EQ(location->folder, folder / on_disk);
    }
  }
  EXPECT_EQ(CanonicalModelName("openai-community/gpt2-medium"), "gpt2-medium");
  EXPECT_EQ(CanonicalModelName("openai-community/gpt2-large"), "gpt2-large");
  EXPECT_EQ(CanonicalModelName("openai-community/gpt2-xl"), "gpt2-xl");
  EXPECT_EQ(CanonicalModelName("openai/gpt2"), "openai/gpt2");
}

TEST(LocatorTest, PrefersTheCanonicalSpelling) {
  const TempFolder folder;
  folder.Write("gpt2-small/config.json", "{}");
  folder.Write("gpt2/config.json", "{}");
  folder.Write("openai-community/gpt2/config.json", "{}");
  EXPECT_EQ(Repository(folder).Find("openai-community/gpt2")->folder, folder / "gpt2");
  EXPECT_THAT(Names(Repository(folder)), ElementsAre("gpt2"));
}

TEST(LocatorTest, PrefersFoldersToRepositoriesAndThoseToCaches) {
  const TempFolder named, first, second, cache;
  named.Write("config.json", "{}");
  for (const TempFolder* repository : {&first, &second}) {
    repository->Write("gpt2/config.json", "{}");
    repository->Write("b/config.json", "{}");
  }
  WriteSnapshot(cache, "models--gpt2", "abc");
  WriteSnapshot(cache, "models--b", "abc");
  WriteSnapshot(cache, "models--c", "abc");
  const ModelLocator locator({.folders = {{"gpt2-small", named.path()}},
                              .repositories = {first.path(), second.path()},
                              .hugging_face_caches = {cache.path()}});
  EXPECT_THAT(Names(locator), ElementsAre("b", "c", "gpt2"));
  EXPECT_EQ(locator.Find("gpt2")->folder, named.path());
  EXPECT_EQ(locator.Find("b")->folder, first / "b");
  EXPECT_EQ(locator.Find("c")->folder, cache / "models--c/snapshots/abc");
}

TEST(LocatorTest, FindsTheRevisionThatRefsMainNames) {
  const TempFolder cache;
  WriteSnapshot(cache, "models--openai-community--gpt2", "old");
  WriteSnapshot(cache, "models--openai-community--gpt2", "new");
  cache.Write("models--openai-community--gpt2/refs/main", "old");
  cache.Write("models--bert/readme", "");
  cache.Write("datasets--x/snapshots/1/config.json", "{}");
  cache.Write("models--a--b--c/snapshots/1/config.json", "{}");
  const ModelLocator locator = Cache(cache);
  EXPECT_THAT(Names(locator), ElementsAre("gpt2"));
  for (const std::string name : {"gpt2", "gpt2-small", "openai-community/gpt2"}) {
    const auto location = locator.Find(name);
    ASSERT_TRUE(location.ok()) << location.status();
    EXPECT_EQ(location->folder, cache / "models--openai-community--gpt2/snapshots/old");
  }
  cache.Write("models--openai-community--gpt2/refs/main", "new\n");
  EXPECT_EQ(locator.Find("gpt2")->folder, cache / "models--openai-community--gpt2/snapshots/new");
}

TEST(LocatorTest, TakesTheNewestSnapshotWithoutRefsMain) {
  const TempFolder cache;
  for (const std::string revision : {"a", "b", "c"}) WriteSnapshot(cache, "models--x", revision);
  const auto now = fs::file_time_type::clock::now();
  for (const std::string revision : {"a", "b", "c"}) {
    fs::last_write_time(cache / ("models--x/snapshots/" + revision), now - std::chrono::hours(revision == "b" ? 1 : 2));
  }
  EXPECT_EQ(Cache(cache).Find("x")->folder, cache / "models--x/snapshots/b");
  fs::remove_all(cache / "models--x/snapshots/b");
  fs::remove_all(cache / "models--x/snapshots/c");
  EXPECT_EQ(Cache(cache).Find("x")->folder, cache / "models--x/snapshots/a");
}

TEST(LocatorTest, DoesNotFollowRefsThatAreNoRevision) {
  const TempFolder cache;
  WriteSnapshot(cache, "models--x", "abc");
  cache.Write("secret/config.json", "{}");
  for (const std::string revision : {"../../secret", "/etc", "..", ".", "", "gone", "abc/../../../secret"}) {
    cache.Write("models--x/refs/main", revision);
    EXPECT_EQ(Cache(cache).Find("x").status().code(), absl::StatusCode::kNotFound) << revision;
  }
}

TEST(LocatorTest, AcceptsASnapshotAsNamedFolder) {
  const TempFolder cache;
  WriteSnapshot(cache, "models--org--x", "abc");
  const ModelLocator locator({.folders = {{"mine", cache / "models--org--x/snapshots/abc"}}});
  EXPECT_TRUE(locator.Find("mine").ok()) << locator.Find("mine").status();
}

TEST(LocatorTest, RefusesLinksOutOfTheRoot) {
  const TempFolder outside, folder;
  outside.Write("config.json", "{}");
  outside.Write("secret", "");
  for (const std::string file : {"config.json", "model.safetensors", "model-00001-of-00002.safetensors",
                                 "model.safetensors.index.json", "vocab.json", "merges.txt", "tokenizer.json"}) {
    folder.Write("evil/config.json", "{}");
    fs::remove(folder / ("evil/" + file));
    fs::create_symlink(outside / "secret", folder / ("evil/" + file));
    ExpectError(Repository(folder).Find("evil").status(), absl::StatusCode::kFailedPrecondition,
                absl::StrCat("\"evil\" is refused: \"", file, "\" is a link that leads out"));
    EXPECT_THAT(Names(Repository(folder)), IsEmpty());
    const ModelLocator named({.folders = {{"evil", folder / "evil"}}});
    ExpectError(named.Find("evil").status(), absl::StatusCode::kFailedPrecondition, "leads out");
    fs::remove_all(folder / "evil");
  }
  fs::create_directory_symlink(outside.path(), folder / "linked");
  ExpectError(Repository(folder).Find("linked").status(), absl::StatusCode::kFailedPrecondition,
              "\"linked\" is a link that leads out of the folder it was found in");

  const TempFolder cache;
  WriteSnapshot(cache, "models--x", "abc");
  fs::create_symlink("/etc/passwd", cache / "models--x/snapshots/abc/vocab.json");
  ExpectError(Cache(cache).Find("x").status(), absl::StatusCode::kFailedPrecondition, "\"vocab.json\" is a link");
}

TEST(LocatorTest, ComparesWholePathPartsWithTheRoot) {
  const TempFolder folder;
  folder.Write("root-sibling/config.json", "{}");
  folder.Write("root/m/readme", "");
  fs::create_symlink(folder / "root-sibling/config.json", folder / "root/m/config.json");
  const ModelLocator locator({.repositories = {folder / "root"}});
  ExpectError(locator.Find("m").status(), absl::StatusCode::kFailedPrecondition, "leads out");
}

TEST(LocatorTest, FollowsLinksInsideTheRoot) {
  const TempFolder folder;
  folder.Write("a/config.json", "{}");
  fs::create_directory(folder / "b");
  fs::create_symlink("../a/config.json", folder / "b/config.json");
  const TempFolder elsewhere;
  fs::create_directory_symlink(folder.path(), elsewhere / "repository");
  EXPECT_THAT(Names(ModelLocator({.repositories = {elsewhere / "repository"}})), ElementsAre("a", "b"));
}

TEST(LocatorTest, RefusesFilesThatAreNotRegular) {
  const TempFolder folder;
  folder.Write("m/config.json", "{}");
  ASSERT_EQ(::mkfifo((folder / "m/vocab.json").c_str(), 0600), 0);
  ExpectError(Repository(folder).Find("m").status(), absl::StatusCode::kFailedPrecondition,
              "\"vocab.json\" is not a regular file");
  fs::remove(folder / "m/vocab.json");
  fs::create_symlink("nowhere", folder / "m/merges.txt");
  ExpectError(Repository(folder).Find("m").status(), absl::StatusCode::kFailedPrecondition, "\"merges.txt\"");
  fs::remove(folder / "m/merges.txt");
  fs::create_symlink("loop.safetensors", folder / "m/loop.safetensors");
  ExpectError(Repository(folder).Find("m").status(), absl::StatusCode::kFailedPrecondition, "\"loop.safetensors\"");
}

TEST(LocatorTest, RefusesNamesThatAreNone) {
  const TempFolder folder;
  folder.Write("m/config.json", "{}");
  const ModelLocator locator({.repositories = {folder / "x", folder.path()}});
  for (const std::string& name :
       {std::string(), std::string("/etc"), std::string("../m"), std::string("m/.."), std::string(".."),
        std::string("."), std::string("./m"), std::string("m/"), std::string("a//b"), std::string("a/b/c"),
        std::string("a\\b"), std::string("a\nb"), std::string("a\0b", 3), std::string("a\x7f"), std::string("\xff"),
        std::string("\xc0\xae\xc0\xae/m"), std::string(201, 'a')}) {
    const absl::Status status = locator.Find(name).status();
    ExpectError(status, absl::StatusCode::kInvalidArgument, "model: ");
    EXPECT_EQ(ValidateModelName(name), status);
  }
  EXPECT_TRUE(ValidateModelName(std::string(200, 'a')).ok());
  EXPECT_TRUE(ValidateModelName("org/na.me_1-ü").ok());
  ExpectError(locator.Find(std::string(201, 'a')).status(), absl::StatusCode::kInvalidArgument,
              "has 201 bytes, at most 200 are allowed");
}

TEST(LocatorTest, ListsTheNamesThereAre) {
  const TempFolder folder;
  ExpectError(Repository(folder).Find("m").status(), absl::StatusCode::kNotFound,
              "model: no model \"m\"; the server finds no models at all");
  for (int i = 0; i < 25; ++i) folder.Write(absl::StrCat("m", 100 + i, "/config.json"), "{}");
  const absl::Status status = Repository(folder).Find("m").status();
  ExpectError(status, absl::StatusCode::kNotFound, "there are: m100, m101, ");
  ExpectError(status, absl::StatusCode::kNotFound, "m119 and 5 others");
}

TEST(LocatorTest, StampsTheFilesThatLoadingMayRead) {
  const TempFolder folder;
  folder.Write("tiny/config.json", "{}");
  folder.Write("tiny/readme", "");
  const ModelLocator locator = Repository(folder);
  const auto before = locator.Find("tiny");
  ASSERT_TRUE(before.ok()) << before.status();
  EXPECT_THAT(before->files, ElementsAre(Pair("config.json", *StampFile(folder / "tiny/config.json", ""))));
  folder.Write("tiny/readme", "changed");
  EXPECT_EQ(*locator.Find("tiny"), *before);
  folder.Write("tiny/vocab.json", "{}");
  EXPECT_NE(*locator.Find("tiny"), *before);
  fs::remove(folder / "tiny/vocab.json");
  folder.Write("tiny/config.json", "{ }");
  EXPECT_NE(*locator.Find("tiny"), *before);
}

TEST(LocatorTest, SurvivesRootsThatAreNotThere) {
  const ModelLocator locator({.folders = {{"a", "/nonexistent/a"}},
                              .repositories = {"/nonexistent", "/etc/passwd"},
                              .hugging_face_caches = {"/nonexistent"}});
  EXPECT_THAT(Names(locator), IsEmpty());
  ExpectError(locator.Find("a").status(), absl::StatusCode::kFailedPrecondition, "\"a\" can't be read");
  ExpectError(locator.Find("b").status(), absl::StatusCode::kNotFound, "no model \"b\"");
}

// Sets environment variables for a test; unset where the value is empty.
class Environment {
 public:
  explicit Environment(std::map<std::string, std::string> variables) {
    for (const auto& [name, value] : variables) {
      const char* old = std::getenv(name.c_str());
      old_[name] = old != nullptr ? old : "";
      Set(name, value);
    }
  }
  ~Environment() {
    for (const auto& [name, value] : old_) Set(name, value);
  }

 private:
  static void Set(const std::string& name, const std::string& value) {
    if (value.empty()) {
      ::unsetenv(name.c_str());
    } else {
      ::setenv(name.c_str(), value.c_str(), 1);
    }
  }
  std::map<std::string, std::string> old_;
};

TEST(LocatorTest, FindsTheHuggingFaceCacheInTheEnvironment) {
  const TempFolder folder;
  for (const char* cache : {"direct", "home/hub", "xdg/huggingface/hub", "user/.cache/huggingface/hub"})
    fs::create_directories(folder / cache);
  const std::string direct = folder / "direct", home = folder / "home", xdg = folder / "xdg", user = folder / "user";
  {
    const Environment environment(
        {{"HF_HUB_CACHE", direct}, {"HF_HOME", home}, {"XDG_CACHE_HOME", xdg}, {"HOME", user}});
    EXPECT_THAT(ModelLocator::HuggingFaceCachesFromEnvironment(), ElementsAre(direct));
  }
  {
    const Environment environment({{"HF_HUB_CACHE", ""}, {"HF_HOME", home}, {"XDG_CACHE_HOME", xdg}, {"HOME", user}});
    EXPECT_THAT(ModelLocator::HuggingFaceCachesFromEnvironment(), ElementsAre(home + "/hub"));
  }
  {
    const Environment environment({{"HF_HUB_CACHE", ""}, {"HF_HOME", ""}, {"XDG_CACHE_HOME", xdg}, {"HOME", user}});
    EXPECT_THAT(ModelLocator::HuggingFaceCachesFromEnvironment(), ElementsAre(xdg + "/huggingface/hub"));
  }
  {
    const Environment environment({{"HF_HUB_CACHE", ""}, {"HF_HOME", ""}, {"XDG_CACHE_HOME", ""}, {"HOME", user}});
    EXPECT_THAT(ModelLocator::HuggingFaceCachesFromEnvironment(), ElementsAre(user + "/.cache/huggingface/hub"));
  }
  {
    const Environment environment(
        {{"HF_HUB_CACHE", folder / "absent"}, {"HF_HOME", ""}, {"XDG_CACHE_HOME", xdg}, {"HOME", user}});
    EXPECT_THAT(ModelLocator::HuggingFaceCachesFromEnvironment(), IsEmpty());
  }
}

}  // namespace
}  // namespace circuitd
