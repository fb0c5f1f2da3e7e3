#include "server/graph/circuit_file.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "server/model/quote.h"

namespace circuitd {
namespace {

constexpr size_t kMostDepth = 16;
// Of an object, lists aside. Keys are looked for one after another.
constexpr size_t kMostKeys = 256;
// In the file, entries of lists aside, and in an entry.
constexpr size_t kMostValues = size_t{1} << 20;

bool IsList(absl::string_view key) {
  constexpr absl::string_view kLists[] = {"nodes", "edges", "other_edges", "heads", "mlps", "neurons"};
  return std::find(std::begin(kLists), std::end(kLists), key) != std::end(kLists);
}

// The word at the byte that a parser stumbled over.
std::string WordAt(absl::string_view text, size_t byte) {
  const auto in_word = [&](size_t i) {
    return absl::ascii_isalnum(text[i]) || text[i] == '-' || text[i] == '+' || text[i] == '.';
  };
  size_t begin = std::min(byte, text.size());
  begin -= begin > 0;
  while (begin > 0 && begin < text.size() && in_word(begin) && in_word(begin - 1)) --begin;
  size_t end = begin;
  while (end < text.size() && in_word(end)) ++end;
  return QuoteName(text.substr(begin, std::max<size_t>(end - begin, 1)));
}

// Builds one value at a time: what a top-level key has, or an entry of a list.
class Reader : public nlohmann::json_sax<FileJson> {
 public:
  Reader(absl::string_view text, absl::FunctionRef<void(const FileEntry&)> on_entry)
      : text_(text), on_entry_(on_entry) {}

  absl::Status status() const { return status_; }
  FileJson TakeFile() { return std::move(file_); }

  bool null() override { return Value(nullptr); }
  bool boolean(bool value) override { return Value(value); }
  bool number_integer(number_integer_t value) override { return Value(value); }
  bool number_unsigned(number_unsigned_t value) override { return Value(value); }
  bool number_float(number_float_t value, const string_t&) override { return Value(value); }
  bool string(string_t& value) override { return Value(std::move(value)); }
  bool binary(binary_t&) override { return false; }  // not in JSON

  bool start_object(std::size_t) override {
    if (in_file_) return Open(FileJson::object());
    in_file_ = true;
    return true;
  }
  bool start_array(std::size_t) override { return in_file_ ? Open(FileJson::array()) : NoObject(); }
  bool end_object() override { return Close(); }
  bool end_array() override { return Close(); }

  bool key(string_t& key) override {
    if (open_.empty()) {
      // The names of a list's entries are many; that they differ is for whoever knows what they mean.
      if (in_list_) {
        entry_key_ = std::move(key);
        return true;
      }
      file_key_ = std::move(key);
      return TakeKey(file_, file_key_);
    }
    key_ = std::move(key);
    return TakeKey(*open_.back(), key_);
  }

  bool parse_error(std::size_t byte, const std::string&, const nlohmann::detail::exception& error) override {
    // 406: a number beyond what a double holds.
    const char* problem = error.id == 406 ? "has a number that is out of range, " : "is not JSON: ";
    return Refuse(absl::StrCat(problem, WordAt(text_, byte), " at byte ", byte));
  }

 private:
  bool Refuse(absl::string_view problem) {
    const std::string place = Place();
    status_ = place.empty() ? absl::InvalidArgumentError(problem) : InvalidField(place, problem);
    return false;
  }

  bool NoObject() { return Refuse("a circuit file is a JSON object"); }

  // Of the value that is being read.
  std::string Place() const {
    if (file_key_.empty()) return "";
    std::string place = in_list_ ? Entry(FileJson()).Place() : file_key_;
    if (!open_.empty() && open_.back()->is_object() && !key_.empty()) absl::StrAppend(&place, ".", key_);
    // Keys are the file's own words.
    return place.size() > 100 || !std::all_of(place.begin(), place.end(), absl::ascii_isprint) ? QuoteName(place)
                                                                                               : place;
  }

  FileEntry Entry(const FileJson& value) const { return {file_key_, list_named_, entry_key_, index_, value}; }

  bool TakeKey(const FileJson& object, const std::string& key) {
    if (object.contains(key)) return Refuse(absl::StrCat("the key ", QuoteName(key), " is there twice"));
    if (object.size() < kMostKeys) return true;
    return Refuse(absl::StrCat("has over ", kMostKeys, " keys"));
  }

  // Whether a value is read, rather than the file's object or a list.
  bool Counted() {
    if (++values_ <= kMostValues) return true;
    return Refuse(absl::StrCat("has over ", kMostValues, " values besides nodes and edges"));
  }

  // Puts a value where it belongs; nullptr where it is to be a value of its own, in root_.
  FileJson* Put(FileJson value) {
    if (open_.empty()) return &(root_ = std::move(value));
    FileJson& parent = *open_.back();
    if (parent.is_array()) return &parent.emplace_back(std::move(value));
    return &(parent[key_] = std::move(value));
  }

  bool Value(FileJson value) {
    if (!in_file_) return NoObject();
    if (!Counted()) return false;
    Put(std::move(value));
    if (open_.empty()) Finish();
    return true;
  }

  bool Open(FileJson container) {
    if (open_.empty() && !in_list_ && IsList(file_key_)) {
      in_list_ = true;
      list_named_ = container.is_object();
      index_ = 0;
      entry_key_.clear();
      values_before_list_ = values_;
      file_[file_key_] = std::move(container);
      return true;
    }
    if (!Counted()) return false;
    if (open_.size() == kMostDepth)
      return Refuse(absl::StrCat("nests deeper than ", kMostDepth, " objects and arrays"));
    // Pointers to what is open stay: only the innermost grows.
    open_.push_back(Put(std::move(container)));
    key_.clear();
    return true;
  }

  bool Close() {
    if (!open_.empty()) {
      open_.pop_back();
      key_.clear();
      if (open_.empty()) Finish();
    } else if (in_list_) {
      in_list_ = false;
    } else {
      file_key_.clear();
    }
    return true;
  }

  // root_ is whole.
  void Finish() {
    if (in_list_) {
      on_entry_(Entry(root_));
      ++index_;
      values_ = values_before_list_;
    } else {
      file_[file_key_] = std::move(root_);
    }
    root_ = nullptr;
  }

  const absl::string_view text_;
  const absl::FunctionRef<void(const FileEntry&)> on_entry_;
  absl::Status status_;
  FileJson file_ = FileJson::object();
  bool in_file_ = false;
  std::string file_key_;
  bool in_list_ = false;
  bool list_named_ = false;
  std::string entry_key_;
  size_t index_ = 0;
  FileJson root_;
  std::vector<FileJson*> open_;  // containers from root_ down to the one being read
  std::string key_;              // in the innermost
  size_t values_ = 0;
  size_t values_before_list_ = 0;
};

}  // namespace

std::string FileEntry::Place() const {
  return named ? absl::StrCat(list, "[", QuoteName(name), "]") : absl::StrCat(list, "[", index, "]");
}

absl::StatusOr<FileJson> ReadCircuitFile(absl::string_view text, absl::FunctionRef<void(const FileEntry&)> on_entry) {
  // The parser takes a NUL for the end of the text.
  if (const size_t nul = text.find('\0'); nul != absl::string_view::npos) {
    return absl::InvalidArgumentError(absl::StrCat("is not JSON: \"\\x00\" at byte ", nul + 1));
  }
  Reader reader(text, on_entry);
  const bool read = FileJson::sax_parse(text.begin(), text.end(), &reader);
  if (!reader.status().ok()) return reader.status();
  if (!read) return absl::InvalidArgumentError("is not JSON");
  return reader.TakeFile();
}

}  // namespace circuitd
