#include "tests/integration/python.h"

namespace circuitd {

Finished RunPython(const std::string& folder, const std::vector<std::string>& arguments) {
  ProcessOptions options;
  options.arguments = {CIRCUITD_PYTHON};
  options.arguments.insert(options.arguments.end(), arguments.begin(), arguments.end());
  options.environment = {{"PYTHONPATH", CIRCUITD_PYTHON_PACKAGES},
                         {"PYTHONNOUSERSITE", "1"},
                         {"PYTHONDONTWRITEBYTECODE", "1"},
                         {"OMP_NUM_THREADS", "1"},
                         {"OPENBLAS_NUM_THREADS", "1"},
                         {"XDG_CACHE_HOME", folder}};
  options.folder = folder;
  const auto python = Subprocess::Start(options);
  const std::optional<int> exit_code = python->Wait();
  EXPECT_TRUE(exit_code.has_value()) << arguments.front() << " does not end";
  return {exit_code.value_or(-1), python->out(), python->err()};
}

}  // namespace circuitd
