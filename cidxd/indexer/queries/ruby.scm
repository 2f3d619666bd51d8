; A constant is assigned; an attribute is a method that a word of the class writes.
(class name: [(constant) (scope_resolution)] @name) @class
(module name: [(constant) (scope_resolution)] @name) @module
(program (method name: (_) @name) @function)
(method name: (_) @name) @method
(singleton_method name: (_) @name) @method
(assignment left: (constant) @name) @constant
(alias name: (identifier) @name) @method
((call method: (identifier) @word arguments: (argument_list (simple_symbol) @name)) @method
  (#any-of? @word "attr_reader" "attr_writer" "attr_accessor" "define_method"))
