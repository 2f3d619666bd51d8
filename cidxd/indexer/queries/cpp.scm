; C, with classes, namespaces and names that say whose they are.  Of functions that are only
; declared, those that have no body anywhere: the pure virtual ones.
(namespace_definition name: [(namespace_identifier) (nested_namespace_specifier)] @name) @module
(class_specifier name: [
  (type_identifier) @name (template_type name: (type_identifier) @name) (qualified_identifier) @name
] body: (_)) @class
(struct_specifier name: [
  (type_identifier) @name (template_type name: (type_identifier) @name) (qualified_identifier) @name
] body: (_)) @struct
(union_specifier name: (type_identifier) @name body: (_)) @struct
(enum_specifier name: [(type_identifier) (qualified_identifier)] @name body: (_)) @enum
(enumerator name: (identifier) @name) @constant
(concept_definition name: (identifier) @name) @type
(alias_declaration name: (type_identifier) @name) @type
(type_definition declarator: (type_identifier) @name) @type
(type_definition declarator: (pointer_declarator declarator: (type_identifier) @name)) @type
(type_definition declarator: (array_declarator declarator: (type_identifier) @name)) @type
(type_definition declarator: (function_declarator declarator:
  (parenthesized_declarator (pointer_declarator declarator: (type_identifier) @name)))) @type
(function_definition declarator: [
  (function_declarator declarator: [
    (identifier) (field_identifier) (operator_name) (destructor_name) (qualified_identifier)
  ] @name)
  (reference_declarator (function_declarator declarator: [
    (identifier) (field_identifier) (operator_name) (qualified_identifier)
  ] @name))
  (pointer_declarator declarator: (function_declarator declarator: [
    (identifier) (field_identifier) (operator_name) (qualified_identifier)
  ] @name))
  (pointer_declarator declarator: (pointer_declarator declarator: (function_declarator
    declarator: [(identifier) (field_identifier) (qualified_identifier)] @name)))
]) @function
(field_declaration declarator: [
  (function_declarator declarator: (_) @name)
  (reference_declarator (function_declarator declarator: (_) @name))
  (pointer_declarator declarator: (function_declarator declarator: (_) @name))
] default_value: (number_literal)) @method
(field_declaration declarator: [
  (field_identifier) @name
  (array_declarator declarator: (field_identifier) @name)
  (reference_declarator (field_identifier) @name)
  (pointer_declarator declarator: [
    (field_identifier) @name
    (pointer_declarator declarator: (field_identifier) @name)
  ])
  (function_declarator declarator:
    (parenthesized_declarator (pointer_declarator declarator: (field_identifier) @name)))
]) @field
(preproc_def name: (identifier) @name) @macro
(preproc_function_def name: (identifier) @name) @macro
([
  (translation_unit (declaration (storage_class_specifier)? @storage declarator:
    (init_declarator declarator: [
      (identifier) @name
      (qualified_identifier) @name
      (array_declarator declarator: (identifier) @name)
      (pointer_declarator declarator: (identifier) @name)
    ])) @variable)
  (preproc_if (declaration (storage_class_specifier)? @storage declarator:
    (init_declarator declarator: (identifier) @name)) @variable)
  (preproc_ifdef (declaration (storage_class_specifier)? @storage declarator:
    (init_declarator declarator: (identifier) @name)) @variable)
  (namespace_definition body: (declaration_list
    (declaration (storage_class_specifier)? @storage declarator:
      (init_declarator declarator: [
        (identifier) @name
        (array_declarator declarator: (identifier) @name)
        (pointer_declarator declarator: (identifier) @name)
      ])) @variable))
] (#not-eq? @storage "extern"))
