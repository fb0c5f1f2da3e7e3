// Another process, talked to in lines.
#pragma once

#include <string>
#include <vector>

#include "server/jobs/store/file_descriptor.h"

namespace circuitd {

// Killed with the object, if it has not ended.
class ChildProcess {
 public:
  // Runs the program, a path and its arguments.
  explicit ChildProcess(std::vector<std::string> program);
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  // False at the end of what it writes; a line without an end is none.
  bool ReadLine(std::string& line);
  // kill -9; returns when it is gone.
  void Kill();
  // Its input ends; returns its exit status when it is gone.
  int Finish();
  int pid() const { return pid_; }

 private:
  int Wait();

  int pid_ = -1;
  FileDescriptor input_;
  FileDescriptor output_;
  std::string read_;
};

}  // namespace circuitd
