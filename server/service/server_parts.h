// What the services share.
#pragma once

namespace circuitd {

class ByteBudget;
class DatasetStore;
class DevicePool;
class DeviceWorker;
class IdleStreams;
class JobManager;
class Metrics;
class ModelRegistry;
class SpeedMeter;
struct ServerOptions;

// All of it outlives the services, and is thread-safe.
struct ServerParts {
  const ServerOptions& options;
  ModelRegistry& models;
  DatasetStore& datasets;
  JobManager& jobs;
  DevicePool& devices;
  // Tokenizes and validates what calls send.
  DeviceWorker& preparing;
  // Loads models, parses datasets, prepares jobs: seconds rather than milliseconds.
  DeviceWorker& loading;
  // Of requests that are not answered yet.
  ByteBudget& requests;
  // Of replies that wait to be written.
  ByteBudget& replies;
  IdleStreams& idle_streams;
  SpeedMeter& speed;
  Metrics& metrics;
};

}  // namespace circuitd
