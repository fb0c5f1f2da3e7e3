// The board of decisions in a terminal.
#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/cli/colour_scale.h"
#include "client/cli/decision_board.h"
#include "client/cli/text.h"

namespace circuitd::client {
namespace {

constexpr size_t kNumberCell = 5;
// More layers on a line say too little.
constexpr size_t kMostMerged = 4;
// Points of the score without which a node that stays is called dear.
constexpr double kDear = 10;
constexpr size_t kScaleCells = 8;
constexpr char kDim[] = "\x1b[2m";

// As much of the legend as there is room for; its parts are whole.
class LegendLine {
 public:
  explicit LegendLine(size_t width) : room_(width) {}

  void Add(const std::string& text, size_t columns) {
    const size_t gap = line_.empty() ? 0 : 2;
    if (full_ || columns + gap > room_) {
      full_ = true;
      return;
    }
    absl::StrAppend(&line_, std::string(gap, ' '), text);
    room_ -= columns + gap;
  }
  void Add(const std::string& text) { Add(text, DisplayWidth(text)); }

  const std::string& line() const { return line_; }

 private:
  size_t room_;
  bool full_ = false;
  std::string line_;
};

class BoardPicture {
 public:
  BoardPicture(const DecisionBoard& board, const BoardView& view)
      : board_(board),
        view_(view),
        logits_(board.Find({DecisionBoard::kLogits, 0}) != nullptr),
        largest_(board.LargestLoss()) {}

  std::vector<std::string> Render() {
    if (board_.layers() == 0 || !Fits()) return {};
    std::vector<std::string> lines = {Header()};
    if (logits_) lines.push_back(absl::StrCat(PadLeft("logits", left_), " ", CellAt({DecisionBoard::kLogits, 0}, 1)));
    for (size_t end = board_.layers(); end > 0; end -= std::min(end, tall_)) lines.push_back(Row(end));
    lines.push_back(Legend());
    for (std::string& line : lines) line.erase(line.find_last_not_of(' ') + 1);
    return lines;
  }

 private:
  bool Fits() {
    const size_t layers = board_.layers();
    const size_t others = logits_ ? 3 : 2;
    if (view_.height <= others) return false;
    tall_ = (layers + view_.height - others - 1) / (view_.height - others);
    if (tall_ > kMostMerged) return false;
    const size_t digits = absl::StrCat(layers - 1).size();
    left_ = std::max<size_t>(tall_ > 1 ? 2 * digits + 1 : digits, logits_ ? 6 : 0);
    // Behind the labels, and before the MLP, a column stays free.
    const size_t columns = board_.heads() + 1;
    if (view_.width < left_ + 2 + columns) return false;
    const size_t share = (view_.width - left_ - 2) / columns;
    numbers_ = tall_ == 1 && share >= kNumberCell;
    cell_ = numbers_ ? kNumberCell : std::min<size_t>(share, 3);
    return true;
  }

  // Symbols stand in the middle of cells of three columns; all else ends with its cell.
  size_t FreeAfter() const { return cell_ == 3 ? 1 : 0; }

  std::string Header() const {
    const size_t step = cell_ == 1 ? 5 : cell_ == 2 ? 2 : 1;
    std::string line(left_ + 1, ' ');
    for (size_t head = 0; head < board_.heads(); ++head) {
      const std::string label = head % step == 0 ? absl::StrCat(head) : "";
      // Its last digit stands above the cell's symbol, the others above what was free before it.
      line.resize(left_ + 1 + (head + 1) * cell_ - FreeAfter(), ' ');
      line.replace(line.size() - label.size(), label.size(), label);
    }
    line.resize(left_ + 2 + board_.heads() * cell_, ' ');
    return absl::StrCat(line, PadLeft(numbers_ ? "MLP" : "M", cell_ - FreeAfter()));
  }

  // Layers below `end`, those that share the line.
  std::string Row(size_t end) const {
    const size_t tall = std::min(end, tall_);
    const std::string label = tall > 1 ? absl::StrCat(end - tall, "-", end - 1) : absl::StrCat(end - 1);
    std::string line = absl::StrCat(PadLeft(label, left_), " ");
    const auto layer = static_cast<uint32_t>(end - tall);
    for (uint32_t head = 0; head < board_.heads(); ++head) line += CellAt({layer, head}, tall);
    return absl::StrCat(line, " ", CellAt({layer, DecisionBoard::kMlp}, tall));
  }

  // That of `tall` layers from the place's on.
  std::string CellAt(DecisionBoard::Place place, size_t tall) const {
    BoardCell sum;
    bool there = false;
    bool last = false;
    for (size_t i = 0; i < tall; ++i, ++place.first) {
      last = last || (view_.mark_last && board_.last() == place);
      const BoardCell* cell = board_.Find(place);
      if (cell == nullptr) continue;
      there = true;
      sum.tried += cell->tried;
      sum.stay += cell->stay;
      if (!(sum.loss >= cell->loss)) sum.loss = cell->loss;
    }
    // Edge pruning tries the edges of a circuit only.
    if (!there && board_.edges()) return std::string(cell_, ' ');
    return Draw(sum, last);
  }

  std::string Draw(const BoardCell& cell, bool last) const {
    std::string text = PadLeft(numbers_ ? Number(cell) : Symbol(cell), cell_ - FreeAfter());
    text.resize(text.size() + FreeAfter(), ' ');
    if (last && cell_ > 1) text[0] = '>';
    if (last && cell_ == 1) text = "?";
    if (view_.depth == ColourDepth::kNone) return text;
    if (cell.stay == 0) return last ? text : absl::StrCat(kDim, text, kResetColours);
    const Rgb colour = Shade(cell);
    return absl::StrCat(Background(colour, view_.depth), Foreground(InkOn(colour), view_.depth), text, kResetColours);
  }

  static double Share(const BoardCell& cell) {
    return cell.tried > 0 ? static_cast<double>(cell.stay) / static_cast<double>(cell.tried) : 0;
  }

  std::string Symbol(const BoardCell& cell) const {
    if (cell.tried == 0) return "·";
    if (cell.stay == 0) return "-";
    if (!board_.edges()) return cell.loss >= kDear ? "#" : "o";
    if (cell.stay == cell.tried) return "#";
    return absl::StrCat(std::clamp(std::lround(10 * Share(cell)), 1L, 9L));
  }

  std::string Number(const BoardCell& cell) const {
    if (cell.stay == 0) return Symbol(cell);
    if (board_.edges()) return absl::StrFormat("%.0f%%", std::max(1.0, 100 * Share(cell)));
    if (std::isnan(cell.loss)) return "o";
    if (std::abs(cell.loss) < 99.95) return absl::StrFormat("%.1f", cell.loss);
    return std::abs(cell.loss) < 999.5 ? absl::StrFormat("%.0f", cell.loss) : ">999";
  }

  // Never so pale that it can't be told from a white terminal.
  static Rgb ShadeOf(double share) { return ColourOf(ColourScale::kSequential, {0, 1}, 0.2 + 0.8 * share); }

  // Most losses are small beside the largest one: their roots lie less close together.
  Rgb Shade(const BoardCell& cell) const {
    if (board_.edges()) return ShadeOf(Share(cell));
    return ShadeOf(largest_ > 0 && cell.loss > 0 ? std::sqrt(cell.loss / largest_) : 0);
  }

  std::string Scale() const {
    std::string scale;
    for (size_t i = 0; i < kScaleCells; ++i) {
      const double share = static_cast<double>(i) / (kScaleCells - 1);
      absl::StrAppend(&scale, Background(ShadeOf(share), view_.depth), " ");
    }
    return scale + kResetColours;
  }

  std::string Legend() const {
    LegendLine legend(view_.width);
    const bool colour = view_.depth != ColourDepth::kNone;
    legend.Add("· undecided");
    if (board_.edges()) {
      legend.Add("- none stays");
      if (!numbers_) legend.Add("1-9 tenths");
      if (!numbers_) legend.Add("# all");
      legend.Add(numbers_ ? "% of the edges into it that stay" : "of the edges into it");
    } else {
      legend.Add("- left");
      if (numbers_) {
        legend.Add("4.2 stays: points lost without it");
      } else {
        legend.Add("o stays");
        legend.Add(absl::StrCat("# worth ", kDear, " points"));
      }
      if (colour && largest_ > 0) {
        const std::string high = absl::StrFormat("%.1f", largest_);
        legend.Add(absl::StrCat("0 ", Scale(), " ", high), kScaleCells + 3 + high.size());
      }
    }
    if (view_.mark_last) legend.Add(cell_ > 1 ? "> last" : "? last");
    if (tall_ > 1) legend.Add(absl::StrCat("most of ", tall_, " layers"));
    return legend.line();
  }

  const DecisionBoard& board_;
  const BoardView view_;
  const bool logits_;
  const double largest_;
  size_t tall_ = 1;
  size_t left_ = 0;
  size_t cell_ = 1;
  bool numbers_ = false;
};

}  // namespace

std::vector<std::string> RenderBoard(const DecisionBoard& board, const BoardView& view) {
  return BoardPicture(board, view).Render();
}

}  // namespace circuitd::client
