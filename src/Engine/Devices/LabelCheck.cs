namespace Engine;

/// <summary>Refuses labels that name no class, on devices whose memory the host sees.</summary>
internal static class LabelCheck
{
    /// <summary>Demands that each label is one of the classes.</summary>
    /// <param name="operation">What the labels are for.</param>
    /// <param name="labels">One a row.</param>
    /// <param name="classes">How many classes there are.</param>
    /// <exception cref="EngineException">One is not; the message names it and its row.</exception>
    public static void Demand(string operation, ReadOnlySpan<int> labels, int classes)
    {
        for (int n = 0; n < labels.Length; n++)
        {
            if ((uint)labels[n] >= (uint)classes)
            {
                throw new EngineException($"{operation}: label {labels[n]} of row {n} is not one of the {classes} classes, 0 to {classes - 1}");
            }
        }
    }
}
