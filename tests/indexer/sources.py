"""A small source of each language, and the definitions in it: line, kind, scope and name."""

from __future__ import annotations

from typing import Final

SOURCES: Final[dict[str, tuple[str, str]]] = {
    "java": (
        r"""package a.b;

public class Shelf<T> extends Base {
    public static final int LIMIT = 3;
    private int size, spare;

    public Shelf(int size) { this.size = size; }

    @Override
    public String toString() { int local = 1; return ""; }

    enum Colour { RED, GREEN; Colour next() { return RED; } }

    interface Reader { int MAX = 1; void read(); }

    record Point(int x, int y) { Point { } }

    @interface Mark { String value(); }
}
""",
        """
3 class Shelf
4 field Shelf.LIMIT
5 field Shelf.size
5 field Shelf.spare
7 method Shelf.Shelf
10 method Shelf.toString
12 enum Shelf.Colour
12 constant Shelf.Colour.RED
12 constant Shelf.Colour.GREEN
12 method Shelf.Colour.next
14 interface Shelf.Reader
14 constant Shelf.Reader.MAX
14 method Shelf.Reader.read
16 class Shelf.Point
16 method Shelf.Point.Point
18 interface Shelf.Mark
18 method Shelf.Mark.value
""",
    ),
    "python": (
        r'''"""Docs."""
import os

LIMIT = 10
first, second = 1, 2
try:
    FLAG: bool = True
except ImportError:
    FLAG = False


class Shelf(Base):
    capacity = 4
    MAX = 9

    def __init__(self):
        self.books = []

    @property
    def full(self): return len(self.books) >= self.capacity

    class Label:
        async def draw(self):
            colour = 1

            def inner():
                pass


def main(argv):
    local = argv
    return local


type Pair[T] = tuple[T, T]
''',
        """
4 constant LIMIT
5 variable first
5 variable second
7 constant FLAG
12 class Shelf
13 field Shelf.capacity
14 constant Shelf.MAX
16 method Shelf.__init__
20 method Shelf.full
22 class Shelf.Label
23 method Shelf.Label.draw
26 function Shelf.Label.draw.inner
30 function main
35 type Pair
""",
    ),
    "javascript": (
        r"""const LIMIT = 10;
let open = false;
var legacy = 1, other;
export const area = (w, h) => w * h;
export default function draw(shape) {
  const local = 1;
  function helper() {}
}
function* walk() {}
class Shape extends Base {
  #secret = 1;
  sides = 4;
  handle = () => {};
  constructor() { super(); }
  get size() { return 1; }
  static of(x) { return new Shape(x); }
}
const Named = class {};
Shape.prototype.grow = function () {};
module.exports = { run: function () {}, stop() {} };
""",
        """
1 constant LIMIT
2 variable open
3 variable legacy
3 variable other
4 function area
5 function draw
7 function draw.helper
9 function walk
10 class Shape
11 field Shape.secret
12 field Shape.sides
13 method Shape.handle
14 method Shape.constructor
15 method Shape.size
16 method Shape.of
18 class Named
19 function grow
20 method run
20 method stop
""",
    ),
    "typescript": (
        r"""export interface Reader<T> {
  size: number;
  read(at: number): T;
}
export type Id = string | number;
export enum Colour { Red, Green = 2 }
export abstract class Store<T> implements Reader<T> {
  private readonly items: T[] = [];
  constructor(readonly name: string) {}
  abstract open(): void;
  get size() { return this.items.length; }
  load = async (): Promise<void> => {};
}
namespace Inner {
  export function deep(): void {}
}
export const make = <T>(x: T): T => x;
declare function outside(x: number): string;
export const LIMIT: number = 3;
function over(a: string): void;
function over(a: any) {}
""",
        """
1 interface Reader
2 field Reader.size
3 method Reader.read
5 type Id
6 enum Colour
6 constant Colour.Red
6 constant Colour.Green
7 class Store
8 field Store.items
9 method Store.constructor
10 method Store.open
11 method Store.size
12 method Store.load
14 module Inner
15 function Inner.deep
17 function make
18 function outside
19 constant LIMIT
20 function over
21 function over
""",
    ),
    "tsx": (
        r"""type Props = { title: string };
export const Card = ({ title }: Props) => <div className="card">{title}</div>;
export function Page(): JSX.Element {
  return <Card title="a" />;
}
""",
        """
1 type Props
2 function Card
3 function Page
""",
    ),
    "go": (
        r"""package store

import "fmt"

const Limit = 10

const (
    Red = iota
    Green
)

var Default = New()

var (
    a, b int
)

type ID = string

type Reader interface {
    Read(p []byte) (int, error)
}

type Store[T any] struct {
    Name string
    items, spare []T
    *Other
}

type Handler func(int)

func New() *Store[int] { return nil }

func (s *Store[T]) Put(x T) {
    const local = 1
    fmt.Println(x)
}

func (h Handler) Call() {}
""",
        """
5 constant Limit
8 constant Red
9 constant Green
12 variable Default
15 variable a
15 variable b
18 type ID
20 interface Reader
21 method Reader.Read
24 struct Store
25 field Store.Name
26 field Store.items
26 field Store.spare
30 type Handler
32 function New
34 method Store.Put
39 method Handler.Call
""",
    ),
    "c": (
        r"""#include <stdio.h>
#define LIMIT 10
#define MAX(a, b) ((a) > (b) ? (a) : (b))

typedef unsigned int word;
typedef int (*handler)(int);

struct shelf {
    int size;
    char *name, title[8];
    int (*open)(void);
};

enum colour { RED, GREEN = 2 };

union both { int i; float f; };

typedef struct {
    int x;
} point;

extern int outside;
static int counter;
const char *names[] = { "a" };
int declared(int);

static int add(int a, int b)
{
    int local = 1;
    return a + b;
}

char *copy(const char *s)
{
    return 0;
}

#ifdef X
int guarded = 1;
#endif
""",
        """
2 macro LIMIT
3 macro MAX
5 type word
6 type handler
8 struct shelf
9 field shelf.size
10 field shelf.name
10 field shelf.title
11 field shelf.open
14 enum colour
14 constant colour.RED
14 constant colour.GREEN
16 struct both
16 field both.i
16 field both.f
19 field point.x
20 type point
23 variable counter
24 variable names
27 function add
33 function copy
39 variable guarded
""",
    ),
    "cpp": (
        r"""#include <string>
#define LIMIT 3
namespace outer::inner {
template <typename T>
class Shelf : public Base {
 public:
  Shelf();
  ~Shelf() {}
  int size() const { return size_; }
  virtual void open() = 0;
  T& operator[](int at) { return items_[at]; }
  using Item = T;
  enum class Colour { Red, Green };
 private:
  int size_ = 0;
  T *items_;
};
struct Point { int x, y; };
static const int kMax = 3;
}  // namespace outer::inner
void Shelf<int>::open() {}
std::string& outer::inner::Name::get(int a) { int local = 2; return a; }
Shelf::~Shelf() {}
int main() { return 0; }
union Both { int i; float f; };
typedef int word;
""",
        """
2 macro LIMIT
3 module outer.inner
5 class outer.inner.Shelf
8 method outer.inner.Shelf.~Shelf
9 method outer.inner.Shelf.size
10 method outer.inner.Shelf.open
11 method outer.inner.Shelf.operator[]
12 type outer.inner.Shelf.Item
13 enum outer.inner.Shelf.Colour
13 constant outer.inner.Shelf.Colour.Red
13 constant outer.inner.Shelf.Colour.Green
15 field outer.inner.Shelf.size_
16 field outer.inner.Shelf.items_
18 struct outer.inner.Point
18 field outer.inner.Point.x
18 field outer.inner.Point.y
19 variable outer.inner.kMax
21 method Shelf.open
22 method outer.inner.Name.get
23 method Shelf.~Shelf
24 function main
25 struct Both
25 field Both.i
25 field Both.f
26 type word
""",
    ),
    "rust": (
        r"""use std::fmt;

pub const LIMIT: usize = 3;
static NAME: &str = "a";
type Id = u64;

pub struct Shelf<T> {
    size: usize,
    items: Vec<T>,
}

pub enum Colour { Red, Green(u8) }

pub trait Reader {
    type Item;
    const MAX: usize;
    fn read(&self) -> u8;
    fn all(&self) {}
}

impl<T> Shelf<T> {
    pub fn new() -> Self { let local = 1; Shelf { size: 0, items: vec![] } }
}

impl<T> Reader for Shelf<T> {
    fn read(&self) -> u8 { 0 }
}

macro_rules! shout { () => {}; }

mod inner {
    pub fn deep() {}
}

fn main() {}
""",
        """
3 constant LIMIT
4 constant NAME
5 type Id
7 struct Shelf
8 field Shelf.size
9 field Shelf.items
12 enum Colour
12 constant Colour.Red
12 constant Colour.Green
14 interface Reader
15 type Reader.Item
16 constant Reader.MAX
17 method Reader.read
18 method Reader.all
22 method Shelf.new
26 method Shelf.read
29 macro shout
31 module inner
32 function inner.deep
35 function main
""",
    ),
    "ruby": (
        r"""module Store
  LIMIT = 3

  class Shelf < Base
    attr_reader :size, :name

    def initialize(size)
      local = 1
    end

    def self.make = new(1)

    def full?
      true
    end

    def ==(other)
      false
    end

    alias whole full?
  end

  class Other::Deep
    def run; end
  end
end

def main
end
""",
        """
1 module Store
2 constant Store.LIMIT
4 class Store.Shelf
5 method Store.Shelf.size
5 method Store.Shelf.name
7 method Store.Shelf.initialize
11 method Store.Shelf.make
13 method Store.Shelf.full?
17 method Store.Shelf.==
21 method Store.Shelf.whole
24 class Store.Other.Deep
25 method Store.Other.Deep.run
29 function main
""",
    ),
    "php": (
        r"""<?php
namespace App\Store;

const LIMIT = 3;

interface Reader { public function read(): string; }

trait Loud { public function shout() {} }

enum Colour: string { case Red = 'r'; }

abstract class Shelf implements Reader
{
    const MAX = 4;
    private int $size = 0;

    public function __construct(private string $name) { $local = 1; }
    abstract public function open();
}

function main() { }
""",
        """
4 constant LIMIT
6 interface Reader
6 method Reader.read
8 interface Loud
8 method Loud.shout
10 enum Colour
10 constant Colour.Red
12 class Shelf
14 constant Shelf.MAX
15 field Shelf.size
17 method Shelf.__construct
17 field Shelf.__construct.name
18 method Shelf.open
21 function main
""",
    ),
    "csharp": (
        r"""namespace App.Store
{
    public delegate void Handler(int x);

    public interface IReader { string Read(); }

    public enum Colour { Red, Green = 2 }

    public struct Point { public int X; }

    public record Pair(int A, int B);

    public class Shelf : IReader
    {
        private const int Limit = 3;
        private int size, spare;
        public event Handler Changed;
        public int Size { get; set; }
        public Shelf() { int local = 1; }
        public string Read() { void Helper() {} return ""; }
    }
}
""",
        """
3 type App.Store.Handler
5 interface App.Store.IReader
5 method App.Store.IReader.Read
7 enum App.Store.Colour
7 constant App.Store.Colour.Red
7 constant App.Store.Colour.Green
9 struct App.Store.Point
9 field App.Store.Point.X
11 class App.Store.Pair
13 class App.Store.Shelf
15 field App.Store.Shelf.Limit
16 field App.Store.Shelf.size
16 field App.Store.Shelf.spare
17 field App.Store.Shelf.Changed
18 field App.Store.Shelf.Size
19 method App.Store.Shelf.Shelf
20 method App.Store.Shelf.Read
20 function App.Store.Shelf.Read.Helper
""",
    ),
    "bash": (
        r"""#!/bin/bash
LIMIT=3
readonly name="a"
function shout {
    local inner=1
    echo "$1"
}
main() {
    shout "$@"
}
main "$@"
""",
        """
2 constant LIMIT
3 variable name
4 function shout
8 function main
""",
    ),
}
