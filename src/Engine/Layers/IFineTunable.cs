namespace Engine.Layers;

/// <summary>A model of a backbone, which may be frozen, and a head, which may not: what a fine-tuning needs to know of it.</summary>
public interface IFineTunable
{
    /// <summary>Freezes everything but the head, so that no training changes a parameter or a buffer of it.</summary>
    void FreezeBackbone();

    /// <summary>Thaws everything but the head.</summary>
    void UnfreezeBackbone();
}
