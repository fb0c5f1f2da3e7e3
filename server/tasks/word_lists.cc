// The words that generated prompts are made of.
#include "server/tasks/word_lists.h"

namespace circuitd {

const std::vector<std::string>& ThingWords() {
  static const auto& words = *new std::vector<std::string>{
      "Apple",  "Barn",   "Bear",    "Bee",     "Bell",   "Bench",  "Bird",   "Book",   "Boot",   "Box",    "Bridge",
      "Bus",    "Cat",    "Chain",   "Chair",   "Child",  "Church", "City",   "Clock",  "Cloud",  "Coach",  "Coin",
      "Corn",   "Cow",    "Desk",    "Diamond", "Doctor", "Dog",    "Dragon", "Engine", "Farm",   "Film",   "Fire",
      "Fish",   "Flag",   "Forest",  "Game",    "Gate",   "Glass",  "Gold",   "Hat",    "Hill",   "House",  "Iron",
      "Jar",    "Jet",    "Key",     "King",    "Lake",   "Land",   "Light",  "Lock",   "Map",    "Market", "Mask",
      "Metal",  "Money",  "Moon",    "Mouse",   "Music",  "Net",    "Nut",    "Ocean",  "Office", "Oil",    "Orange",
      "Page",   "Pan",    "Paper",   "Park",    "Path",   "Pen",    "Phone",  "Photo",  "Pin",    "Pocket", "Pool",
      "Pot",    "Queen",  "Radio",   "Rain",    "Ring",   "River",  "Road",   "Rock",   "Rose",   "Salt",   "Sand",
      "School", "Screen", "Sea",     "Shell",   "Ship",   "Shop",   "Silver", "Sky",    "Snake",  "Snow",   "Song",
      "Spring", "Star",   "Station", "Steam",   "Steel",  "Stone",  "Store",  "Storm",  "Sun",    "Sword",  "Table",
      "Tea",    "Town",   "Toy",     "Train",   "Tree",   "Tube",   "Wall",   "Watch",  "Water",  "Wave",   "Web",
      "Wheel",  "Wind",   "Window",  "Wing",    "Wire",   "Wolf"};
  return words;
}

const std::vector<std::string>& FirstNames() {
  static const auto& names = *new std::vector<std::string>{
      "Adam",      "Alan",     "Albert",  "Alex",   "Alice",  "Amy",    "Andrew", "Anna",     "Anthony", "Ben",
      "Brian",     "Carl",     "Charles", "Chris",  "Craig",  "Daniel", "David",  "Dean",     "Donald",  "Edward",
      "Elizabeth", "Emily",    "Eric",    "Frank",  "Fred",   "Gary",   "George", "Greg",     "Harry",   "Henry",
      "Howard",    "Ian",      "Jacob",   "James",  "Jane",   "Jason",  "Jeff",   "Jennifer", "Jim",     "Joe",
      "John",      "Jonathan", "Joseph",  "Kate",   "Keith",  "Kevin",  "Kyle",   "Larry",    "Laura",   "Lewis",
      "Lisa",      "Luke",     "Maria",   "Martin", "Mary",   "Matt",   "Max",    "Michael",  "Neil",    "Nick",
      "Patrick",   "Paul",     "Peter",   "Rachel", "Robert", "Roger",  "Ryan",   "Sam",      "Sarah",   "Scott",
      "Simon",     "Stephen",  "Steve",   "Susan",  "Thomas", "Tim",    "Tom",    "Tony",     "William"};
  return names;
}

const std::vector<std::string>& PlaceWords() {
  static const auto& words = *new std::vector<std::string>{
      "airport", "bakery",  "bank",    "bar",     "beach",  "cafe",    "castle",   "church",   "cinema",
      "college", "factory", "farm",    "gallery", "garden", "gym",     "harbor",   "hospital", "hotel",
      "house",   "lake",    "library", "market",  "museum", "office",  "palace",   "park",     "restaurant",
      "school",  "stadium", "station", "store",   "temple", "theater", "workshop", "zoo"};
  return words;
}

const std::vector<std::string>& ObjectWords() {
  static const auto& words = *new std::vector<std::string>{
      "bag",     "ball", "basket",   "bell", "blanket",  "book",  "bottle",   "box",       "cake",   "camera",
      "card",    "coin", "computer", "cup",  "drink",    "flag",  "flower",   "gift",      "guitar", "hat",
      "jacket",  "key",  "knife",    "lamp", "letter",   "map",   "necklace", "newspaper", "pen",    "phone",
      "picture", "ring", "rope",     "rose", "sandwich", "shirt", "stone",    "ticket",    "toy",    "watch"};
  return words;
}

const std::vector<std::string>& EventWords() {
  static const auto& words = *new std::vector<std::string>{
      "alliance",   "ban",           "battle",      "blockade",   "boom",      "boycott",    "campaign",  "ceremony",
      "conflict",   "construction",  "contract",    "crisis",     "crusade",   "debate",     "dispute",   "drought",
      "dynasty",    "exile",         "expedition",  "experiment", "famine",    "festival",   "feud",      "friendship",
      "invasion",   "investigation", "journey",     "marriage",   "migration", "mission",    "monopoly",  "negotiation",
      "occupation", "operation",     "partnership", "peace",      "plague",    "program",    "project",   "pursuit",
      "quest",      "rebellion",     "recession",   "reform",     "reign",     "revolt",     "search",    "siege",
      "strike",     "struggle",      "study",       "survey",     "tour",      "tournament", "tradition", "treaty",
      "trial",      "truce",         "voyage",      "war"};
  return words;
}

const std::vector<std::string>& ArgumentNames() {
  static const auto& words = *new std::vector<std::string>{
      "batch",  "buffer", "channel", "color",   "count",  "data",  "date",   "depth",  "event",  "field",   "file",
      "filter", "group",  "height",  "host",    "image",  "index", "input",  "key",    "label",  "layer",   "level",
      "limit",  "line",   "load",    "message", "mode",   "model", "name",   "node",   "offset", "order",   "output",
      "owner",  "path",   "port",    "prefix",  "query",  "rate",  "region", "result", "scale",  "shape",   "size",
      "source", "start",  "state",   "status",  "step",   "table", "target", "text",   "time",   "timeout", "title",
      "token",  "user",   "value",   "version", "weight", "width"};
  return words;
}

const std::vector<std::string>& DescriptionWords() {
  static const auto& words = *new std::vector<std::string>{
      "animal", "apple",  "art",   "baby",   "ball",    "bank",    "bear",   "bed",      "beer",    "bird",
      "blood",  "boat",   "bone",  "book",   "brain",   "bread",   "bridge", "brother",  "car",     "castle",
      "cat",    "chair",  "child", "church", "city",    "class",   "cloud",  "country",  "doctor",  "dog",
      "door",   "dragon", "dream", "earth",  "energy",  "engine",  "farm",   "father",   "film",    "fire",
      "fish",   "flower", "food",  "foot",   "forest",  "friend",  "fruit",  "game",     "glass",   "gold",
      "grass",  "hair",   "hand",  "head",   "heart",   "history", "horse",  "hospital", "house",   "king",
      "leaf",   "letter", "love",  "market", "meat",    "metal",   "money",  "moon",     "morning", "mother",
      "music",  "office", "oil",   "orange", "paper",   "peace",   "police", "price",    "prison",  "rain",
      "rice",   "river",  "road",  "school", "science", "ship",    "silver", "skin",     "son",     "song",
      "sound",  "spring", "stone", "storm",  "street",  "student", "tax",    "test",     "town",    "trade",
      "train",  "tree",   "uncle", "voice",  "wall",    "war",     "water",  "wind",     "window",  "wine",
      "winter", "wood",   "world"};
  return words;
}

}  // namespace circuitd
