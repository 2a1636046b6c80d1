/// Ends the life of a value that owns something, where generic code would otherwise end it in line.
///
/// The optimizer of Swift 6.3.1 stops with an assertion ("Should never be inlining a resilient function into a fragile
/// function") when it specialises the destruction of a noncopyable type whose deinit is internal to another module. This
/// function is never specialised, so the destruction goes through the type's metadata.
@inline(never)
@_semantics("optimize.sil.specialize.generic.never")
public func endLifetime<Value: ~Copyable>(of value: consuming Value) {}
