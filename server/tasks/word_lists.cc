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

}  // namespace circuitd
