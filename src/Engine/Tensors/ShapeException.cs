namespace Engine;

/// <summary>Shapes that an operation cannot combine. The message names the operation and every shape involved.</summary>
public sealed class ShapeException(string message) : EngineException(message);
