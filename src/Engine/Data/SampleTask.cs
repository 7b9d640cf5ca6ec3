namespace Engine.Data;

/// <summary>What is learned of samples.</summary>
public enum SampleTask
{
    /// <summary>Which one of several classes a sample is of: labels, Int32 [N].</summary>
    Classification,

    /// <summary>Which of several labels a sample has, none, some or all of them: zeros and ones [N, labels]. One label is a yes or no.</summary>
    MultiLabel,

    /// <summary>One or more values of a sample: [N, values].</summary>
    Regression,
}
