// The page around a report's data.
#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "base/sha256.h"
#include "server/graph/svg_parts.h"
#include "server/report/report.h"
#include "server/report/report_data.h"

namespace circuitd {

// Of page/, embedded by the build.
extern const absl::string_view kPageStyle;
extern const absl::string_view kPageScript;

namespace {

// One scope of its own.
std::string Script() { return absl::StrCat("(() => {\n'use strict';\n", kPageScript, "})();\n"); }

// How a Content-Security-Policy names the text of an element.
std::string PolicyHash(absl::string_view text) {
  return absl::StrCat("'sha256-", absl::Base64Escape(absl::HexStringToBytes(Sha256Hex(text))), "'");
}

// Nothing in it can end the element that it stands in.
std::string InElement(absl::string_view json) {
  return absl::StrReplaceAll(
      json, {{"<", "\\u003c"}, {">", "\\u003e"}, {"&", "\\u0026"}, {"\u2028", "\\u2028"}, {"\u2029", "\\u2029"}});
}

}  // namespace

std::string ReportHtml(const ReportContent& content) {
  const std::string script = Script();
  return absl::StrCat(
      "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta http-equiv=\"Content-Security-Policy\" "
      "content=\"default-src 'none'; script-src ",
      PolicyHash(script), "; style-src ", PolicyHash(kPageStyle),
      "; img-src data:; base-uri 'none'; form-action 'none'\">"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
      "<meta name=\"color-scheme\" content=\"light dark\"><title>",
      XmlText(ReportTitle(content)), "</title><link rel=\"icon\" href=\"data:,\"><style>", kPageStyle,
      "</style></head><body><noscript>A script that this page carries draws it: nothing is fetched from "
      "elsewhere.</noscript><main id=\"report\"></main><script type=\"application/json\" id=\"report-data\">",
      InElement(ReportDataJson(content)), "</script><script>", script, "</script></body></html>\n");
}

}  // namespace circuitd
