; Classes and functions wherever they stand; assigned names at the top and in class bodies.
(class_definition name: (identifier) @name) @class
(function_definition name: (identifier) @name) @function
(module (expression_statement (assignment left: (identifier) @name) @variable))
(module (expression_statement (assignment left: (pattern_list (identifier) @name)) @variable))
(module [
  (if_statement (block (expression_statement (assignment left: (identifier) @name) @variable)))
  (try_statement (block (expression_statement (assignment left: (identifier) @name) @variable)))
])
(class_definition body: (block
  (expression_statement (assignment left: (identifier) @name) @variable)))
(type_alias_statement left: (type (identifier) @name)) @type
(type_alias_statement left: (type (generic_type (identifier) @name))) @type
